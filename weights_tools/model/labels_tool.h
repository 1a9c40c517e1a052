#pragma once
// The class names in a model file. They are no part of its identity, so they can be changed.

#include <filesystem>
#include <string>
#include <vector>

#include "engine/model/model_file.h"

namespace quantring::weights {

// "index<TAB>name" lines. Throws Error if the model has none.
std::string labels_text(const ModelFile& model);

// Replaces the file by one with these labels (none: without), in one step: it is at any time either
// the old or the new file. labels: one a class. Throws Error.
void set_labels(const std::filesystem::path& path, const std::vector<std::string>& labels);

}  // namespace quantring::weights
