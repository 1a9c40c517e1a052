// The JSON files beside a checkpoint: config.json, a zero byte, preprocessor_config.json. Their
// facts are then used for a model of a random size.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "ops/base/error.h"
#include "weights_tools/config/config.h"
#include "weights_tools/plan/missing_facts.h"
#include "weights_tools/plan/preprocessing.h"

using namespace quantring;
using namespace quantring::weights;

namespace {

Architecture random_architecture(const std::uint8_t* bytes) {
  Architecture a;
  a.channels = bytes[0] % 2 == 0 ? 3 : 1;
  a.has_distillation_token = bytes[0] % 4 >= 2;
  a.image_height = 1 + bytes[1] * 257 % 65535;
  a.image_width = bytes[2] % 2 == 0 ? a.image_height : 1 + bytes[2] * 3;
  return a;
}

// Every accepted config must give a valid preprocessing, with a source for each value.
void use(const ConfigFacts& facts, const Architecture& architecture) {
  if (facts.heads && facts.heads->value < 1) std::abort();
  if (facts.labels && facts.labels->value.empty()) std::abort();
  std::vector<Finding> findings;
  const auto config = infer_preprocess(architecture, facts, {}, findings);
  check_preprocess(config);
  for (const Finding& finding : findings) {
    if (finding.value.empty() || finding.source.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 3, size - 3);
  const std::size_t end = text.find('\0');
  const std::string config = text.substr(0, end);
  const std::string processor = end == std::string::npos ? std::string() : text.substr(end + 1);
  try {
    use(read_config(config, processor), random_architecture(data));
  } catch (const MissingFacts& error) {
    for (const std::string& fact : error.facts()) {
      if (fact.find('\n') != std::string::npos) std::abort();
    }
  } catch (const Error& error) {
    // Errors are one line.
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
