#pragma once
// The possible cuts of a model and their costs.

#include <map>
#include <string>
#include <vector>

#include "engine/codec/codec.h"
#include "weights_tools/model/costs.h"

namespace quantring::weights {

// The codecs that inspect shows, and the bytes per image that each sends across a cut. They are the
// same for all cuts, since the residual stream has the same shape everywhere.
std::vector<CodecSpec> cut_codecs();
double cut_bytes(const Architecture& architecture, CodecSpec codec);

struct EvenSplit {
  std::vector<StageRange> ranges;
  std::uint64_t max_bytes = 0;  // weights of the largest stage
  double max_gflop = 0;         // per image, of the slowest stage
};

// Into 2, 3 and 4 stages, if the model has enough half-blocks.
std::vector<EvenSplit> even_splits(const Architecture& architecture, const ModelCosts& costs);

// Bytes of the whole model's tensors by storage type.
std::map<std::string, std::uint64_t> bytes_by_dtype(const ModelFile& model);

}  // namespace quantring::weights
