#include "weights_tools/model/cuts.h"

#include <algorithm>

namespace quantring::weights {

std::vector<CodecSpec> cut_codecs() {
  return {{CodecId::raw32, 32},
          {CodecId::raw16, 16},
          {CodecId::ptq, 8},
          {CodecId::ptq, 4},
          {CodecId::ptq, 2}};
}

double cut_bytes(const Architecture& architecture, CodecSpec codec) {
  const TensorShape one{1, static_cast<std::uint32_t>(architecture.tokens()),
                        static_cast<std::uint32_t>(architecture.dim)};
  return expected_bits(codec, one) / 8;
}

std::vector<EvenSplit> even_splits(const Architecture& architecture, const ModelCosts& costs) {
  std::vector<EvenSplit> splits;
  for (int stages = 2; stages <= std::min(4, architecture.half_blocks()); ++stages) {
    EvenSplit split;
    split.ranges = split_evenly(architecture, stages);
    for (const StageRange range : split.ranges) {
      const Cost cost = costs.of(range);
      split.max_bytes = std::max(split.max_bytes, cost.bytes);
      split.max_gflop = std::max(split.max_gflop, cost.gflop);
    }
    splits.push_back(std::move(split));
  }
  return splits;
}

std::map<std::string, std::uint64_t> bytes_by_dtype(const ModelFile& model) {
  std::map<std::string, std::uint64_t> bytes;
  for (const TensorSpec& spec : tensor_specs(model.architecture())) {
    bytes[whole_model_dtype(model, spec.name)] += stored_cost(model, spec).bytes;
  }
  return bytes;
}

}  // namespace quantring::weights
