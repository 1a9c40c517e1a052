#pragma once
// What parts of a model take to store and to compute: by these a person chooses where to cut.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/model_file.h"

namespace quantring::weights {

struct Cost {
  std::uint64_t parameters = 0, bytes = 0;  // bytes as the model file stores them
  double gflop = 0;  // an image; matrix products only, a multiply-add counted as two
  Cost& operator+=(const Cost& other);
};

// How the whole model stores a tensor, whether or not this file holds it: "F32" or "F16", and its
// parameters and bytes.
std::string whole_model_dtype(const ModelFile& model, const std::string& tensor);
Cost stored_cost(const ModelFile& model, const TensorSpec& spec);

// What the model file says of the whole model, of which it may hold a part.
struct ModelCosts {
  Cost embedding, head;           // with the norm behind the embedding and before the head
  std::vector<Cost> half_blocks;  // all of one kind are alike in parameters and work

  // A stage's, as tensor_specs(architecture, range) cuts them: with embedding or head where the
  // range begins or ends the model.
  Cost of(StageRange range) const;
  Cost whole() const;
};

ModelCosts model_costs(const ModelFile& model);

}  // namespace quantring::weights
