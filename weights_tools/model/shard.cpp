#include "weights_tools/model/shard.h"

#include <fmt/format.h>

#include "ops/base/error.h"
#include "weights_tools/model/copy_model.h"
#include "weights_tools/model/costs.h"

namespace quantring::weights {

ShardReport shard(const ModelFile& model, const std::string& layers,
                  const std::filesystem::path& output) {
  const auto part = parse_range(layers);
  if (!part) {
    throw OptionError(fmt::format(
        "--layers {}: write them as 0-4 or 4-8.5 (.5: after a block's attention)", layers));
  }
  const StageRange present = model.part();
  if (part->begin < present.begin || part->end > present.end || part->begin >= part->end) {
    throw OptionError(fmt::format("--layers {}: '{}' has {}; give a range within them", layers,
                                  model.path(), range_text(present)));
  }
  std::error_code ignored;
  if (std::filesystem::equivalent(model.path(), output, ignored)) {
    throw OptionError(fmt::format(
        "--output {}: this is the model itself; give the part another name", output.string()));
  }
  ShardReport report;
  report.part = *part;
  report.tensors = tensor_specs(model.architecture(), *part).size();
  report.bytes = copy_model(model, *part, model.labels(), output);
  report.whole_bytes = model_costs(model).whole().bytes;
  return report;
}

}  // namespace quantring::weights
