#pragma once
// Is this model file, or part of one, whole and sound?

#include <cstdint>
#include <string>

#include "engine/model/model_file.h"

namespace quantring::weights {

struct VerifyReport {
  std::size_t tensors = 0;
  std::uint64_t parameters = 0;
};

// Reads every tensor that the file must hold: bytes against their hash, values finite; shapes and
// dtypes were checked when it was opened. Throws Error naming the first tensor that fails.
VerifyReport verify(const ModelFile& model);

}  // namespace quantring::weights
