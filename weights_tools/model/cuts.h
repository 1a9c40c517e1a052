#pragma once
// Where a model can be cut, and what that means.

#include <map>
#include <string>
#include <vector>

#include "engine/codec/codec.h"
#include "weights_tools/model/costs.h"

namespace quantring::weights {

// The codings that inspect shows, and the payload of one image of a batch at any cut: the residual
// stream has the same shape everywhere.
std::vector<CodecSpec> cut_codecs();
double cut_bytes(const Architecture& architecture, CodecSpec codec);

struct EvenSplit {
  std::vector<StageRange> ranges;
  std::uint64_t most_bytes = 0;  // of a stage's weights
  double most_gflop = 0;         // of a stage, an image
};

// Into 2, 3 and 4 stages, as far as the model has half-blocks for them.
std::vector<EvenSplit> even_splits(const Architecture& architecture, const ModelCosts& costs);

// Of the tensors of the whole model.
std::map<std::string, std::uint64_t> bytes_by_dtype(const ModelFile& model);

}  // namespace quantring::weights
