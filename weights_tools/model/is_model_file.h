#pragma once
// Distinguishes model files from checkpoints.

#include <filesystem>

namespace quantring::weights {

// Whether the metadata are those of a model file, or of a part of one. False if the file cannot be
// read as safetensors.
bool is_model_file(const std::filesystem::path& path);

// Throws Error with the type of the file and how to convert it, if it is not a model file.
void expect_model_file(const std::filesystem::path& path);

}  // namespace quantring::weights
