#pragma once
// A safetensors file as a checkpoint.

#include <filesystem>
#include <memory>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

// Throws Error naming the file.
std::unique_ptr<Checkpoint> open_safetensors(const std::filesystem::path& path);

}  // namespace quantring::weights
