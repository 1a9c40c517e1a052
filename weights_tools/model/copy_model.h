#pragma once
// Copies a model file or a part of it, with the same values and identity.

#include <filesystem>
#include <string>
#include <vector>

#include "engine/model/model_file.h"

namespace quantring::weights {

// Writes the tensors of `part` (within model.part()) with these labels, and checks each against its
// hash. Returns the bytes of the tensors. Memory: one tensor at a time. output may be the model's
// own file, which is then replaced atomically. Throws Error.
std::uint64_t copy_model(const ModelFile& model, StageRange part,
                         const std::vector<std::string>& labels,
                         const std::filesystem::path& output);

}  // namespace quantring::weights
