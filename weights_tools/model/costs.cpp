#include "weights_tools/model/costs.h"

#include <string>

namespace quantring::weights {
namespace {

// The tensors of the range inside the blocks, or those outside.
Cost blockwise(const ModelFile& model, StageRange range, bool in_blocks) {
  Cost sum;
  for (const TensorSpec& spec : tensor_specs(model.architecture(), range)) {
    const bool in_block = spec.name.starts_with("blocks.");
    if (in_block == in_blocks) sum += stored_cost(model, spec);
  }
  return sum;
}

double embedding_gflop(const Architecture& a) {
  return 2e-9 * a.patches() * a.dim * a.channels * a.patch_height * a.patch_width;
}

double half_block_gflop(const Architecture& a, int half) {
  const double tokens = a.tokens(), dim = a.dim;
  return half % 2 == 0 ? 2e-9 * (4 * tokens * dim * dim + 2 * tokens * tokens * dim)
                       : 2e-9 * 2 * tokens * dim * a.mlp_dim;
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  parameters += other.parameters;
  bytes += other.bytes;
  gflop += other.gflop;
  return *this;
}

std::string whole_model_dtype(const ModelFile& model, const std::string& tensor) {
  const std::string& digest = model.digests().at(tensor);
  return digest.substr(0, digest.find(' '));
}

Cost stored_cost(const ModelFile& model, const TensorSpec& spec) {
  Cost cost;
  cost.parameters = spec.elements();
  cost.bytes = cost.parameters * stored_dtype_bytes(whole_model_dtype(model, spec.name));
  return cost;
}

Cost ModelCosts::of(StageRange range) const {
  Cost sum;
  if (range.begin == 0) sum += embedding;
  for (int half = range.begin; half < range.end; ++half) {
    sum += half_blocks[static_cast<std::size_t>(half)];
  }
  if (range.end == static_cast<int>(half_blocks.size())) sum += head;
  return sum;
}

Cost ModelCosts::whole() const {
  return of({0, static_cast<int>(half_blocks.size())});
}

ModelCosts model_costs(const ModelFile& model) {
  const Architecture& a = model.architecture();
  const int half_blocks = a.half_blocks();
  ModelCosts costs;
  costs.embedding = blockwise(model, {0, 1}, false);
  costs.embedding.gflop = embedding_gflop(a);
  costs.head = blockwise(model, {half_blocks - 1, half_blocks}, false);
  costs.head.gflop = gflops_per_image(a) - embedding_gflop(a);
  for (int half = 0; half < half_blocks; ++half) {
    Cost cost = blockwise(model, {half, half + 1}, true);
    cost.gflop = half_block_gflop(a, half);
    costs.head.gflop -= cost.gflop;
    costs.half_blocks.push_back(cost);
  }
  return costs;
}

}  // namespace quantring::weights
