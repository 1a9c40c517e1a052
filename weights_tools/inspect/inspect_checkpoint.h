#pragma once
// What is in a foreign checkpoint, as text for a person or as JSON.

#include <filesystem>
#include <string>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

// Is it one of our model files (or a part of one), as far as its metadata say? No Error: what
// cannot be read as safetensors is none.
bool is_model_file(const std::filesystem::path& path);

// Throws Error saying what the file is instead, and what makes a model file of it.
void expect_model_file(const std::filesystem::path& path);

// path: as the user gave it; for the file's name and the next command to try.
std::string inspect_checkpoint_text(const std::filesystem::path& path,
                                    const Checkpoint& checkpoint);
std::string inspect_checkpoint_json(const std::filesystem::path& path,
                                    const Checkpoint& checkpoint);

// "[3, 224, 224]"
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace quantring::weights
