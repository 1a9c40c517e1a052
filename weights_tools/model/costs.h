#pragma once
// Bytes and operations of the parts of a model, for choosing where to cut it.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/model_file.h"

namespace quantring::weights {

struct Cost {
  std::uint64_t parameters = 0, bytes = 0;  // bytes as the model file stores them
  double gflop = 0;  // per image; matrix products only, a multiply-add counts as two
  Cost& operator+=(const Cost& other);
};

// Storage type ("F32" or "F16") and cost of any tensor of the whole model, even if this file does
// not have it.
std::string whole_model_dtype(const ModelFile& model, const std::string& tensor);
Cost stored_cost(const ModelFile& model, const TensorSpec& spec);

// Of the whole model, even if the file has only a part.
struct ModelCosts {
  Cost embedding, head;           // with the norms after the embedding and before the head
  std::vector<Cost> half_blocks;  // equal for all of one kind

  // Of a stage: with the embedding if it is the first one and the head if it is the last one.
  Cost of(StageRange range) const;
  Cost whole() const;
};

ModelCosts model_costs(const ModelFile& model);

}  // namespace quantring::weights
