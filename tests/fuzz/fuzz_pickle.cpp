// The pickle machine on arbitrary bytes, and a traversal of its values.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>
#include <vector>

#include "ops/base/error.h"
#include "weights_tools/formats/pickle/pickle.h"
#include "weights_tools/formats/torch/torch_names.h"

namespace {

using quantring::weights::PickleValue;

// Visits every reachable value once.
std::size_t walk(const PickleValue& root) {
  std::set<const PickleValue*> seen{&root};
  std::vector<const PickleValue*> pending{&root};
  std::size_t sum = 0;
  while (!pending.empty()) {
    const PickleValue* const value = pending.back();
    pending.pop_back();
    for (const char c : value->text) sum += static_cast<unsigned char>(c);
    for (const PickleValue* item : value->items) {
      if (seen.insert(item).second) pending.push_back(item);
    }
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(data);
  try {
    const quantring::weights::Pickle pickle({bytes, bytes + size},
                                            quantring::weights::torch_names(), "fuzz");
    if (walk(pickle.root()) == SIZE_MAX) std::abort();
  } catch (const quantring::Error&) {
  }
  return 0;
}
