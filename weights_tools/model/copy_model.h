#pragma once
// A copy of a model file, whole or in part, whose values and identity are the original's.

#include <filesystem>
#include <string>
#include <vector>

#include "engine/model/model_file.h"

namespace quantring::weights {

// Writes the tensors of `part` (within model.part()), each checked against its hash as it is
// copied, with these labels; bytes of the tensors written. Memory for one tensor at a time; output
// may be the model's own file, which is then replaced in one step. Throws Error.
std::uint64_t copy_model(const ModelFile& model, StageRange part,
                         const std::vector<std::string>& labels,
                         const std::filesystem::path& output);

}  // namespace quantring::weights
