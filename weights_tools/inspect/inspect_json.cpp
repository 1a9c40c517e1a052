#include <fmt/format.h>

#include "engine/image/preprocess_json.h"
#include "ops/base/json.h"
#include "weights_tools/inspect/inspect.h"
#include "weights_tools/model/cuts.h"

namespace quantring::weights {
namespace {

using nlohmann::ordered_json;

ordered_json cost_json(const Cost& cost) {
  return {{"parameters", cost.parameters}, {"bytes", cost.bytes}, {"gflops", cost.gflop}};
}

ordered_json cuts_json(const Architecture& a, const ModelCosts& costs) {
  auto cuts = ordered_json::array();
  for (int half = 1; half < a.half_blocks(); ++half) {
    cuts.push_back({{"block", 0.5 * half},
                    {"before", cost_json(costs.of({0, half}))},
                    {"behind", cost_json(costs.of({half, a.half_blocks()}))}});
  }
  return cuts;
}

ordered_json splits_json(const Architecture& a, const ModelCosts& costs) {
  auto splits = ordered_json::array();
  for (const EvenSplit& split : even_splits(a, costs)) {
    auto blocks = ordered_json::array();
    for (const StageRange range : split.ranges) blocks.push_back(part_text(range));
    splits.push_back({{"stages", split.ranges.size()},
                      {"blocks", blocks},
                      {"max_bytes", split.max_bytes},
                      {"max_gflops", split.max_gflop}});
  }
  return splits;
}

}  // namespace

std::string inspect_json(const ModelFile& model) {
  const Architecture& a = model.architecture();
  const ModelCosts costs = model_costs(model);
  const Cost whole = costs.whole();
  Cost block = costs.half_blocks[0];
  block += costs.half_blocks[1];
  ordered_json crossing;
  for (const CodecSpec codec : cut_codecs()) crossing[codec_text(codec)] = cut_bytes(a, codec);
  const ordered_json value = {
      {"schema", "quantring.weights.model/1"},
      {"kind", "model"},
      {"file", model.path()},
      {"blocks", part_text(model.part())},
      {"whole", model.whole()},
      {"architecture", parse_ordered_json(architecture_to_json(a))},
      {"preprocess", parse_ordered_json(preprocess_to_json(model.preprocess()))},
      {"labels", model.labels()},
      {"parameters", whole.parameters},
      {"bytes", whole.bytes},
      {"bytes_by_dtype", bytes_by_dtype(model)},
      {"bytes_in_file", costs.of(model.part()).bytes},
      {"bytes_per_block", block.bytes},
      {"gflops", whole.gflop},
      {"hash", model.hash()},
      {"parts",
       {{"embedding", cost_json(costs.embedding)},
        {"attention_half", cost_json(costs.half_blocks[0])},
        {"mlp_half", cost_json(costs.half_blocks[1])},
        {"head", cost_json(costs.head)}}},
      {"tokens", a.tokens()},
      {"bytes_per_image_at_a_cut", crossing},
      {"cuts", cuts_json(a, costs)},
      {"even_splits", splits_json(a, costs)}};
  return json_text(value, 2);
}

}  // namespace quantring::weights
