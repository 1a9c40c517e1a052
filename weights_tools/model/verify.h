#pragma once
// Checks a model file, or a part of one.

#include <cstdint>
#include <string>

#include "engine/model/model_file.h"

namespace quantring::weights {

struct VerifyReport {
  std::size_t tensors = 0;
  std::uint64_t parameters = 0;
};

// Reads every tensor: its bytes must match the hash, its values must be finite. Shapes and dtypes
// were checked when the file was opened. Throws Error naming the first tensor that fails.
VerifyReport verify(const ModelFile& model);

}  // namespace quantring::weights
