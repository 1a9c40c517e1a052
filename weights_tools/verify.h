#pragma once
// Is this model file whole and sound?

#include <cstdint>
#include <string>

#include "engine/model_file.h"

namespace quantring::weights {

struct VerifyReport {
  std::size_t tensors = 0;
  std::uint64_t parameters = 0;
};

// Reads every tensor: shape and dtype against the architecture, bytes against their hash, values
// finite. Throws Error naming the first tensor that fails.
VerifyReport verify(const ModelFile& model);

}  // namespace quantring::weights
