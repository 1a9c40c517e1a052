#pragma once
// Prints and replaces the labels of a model file. They are not part of its identity.

#include <filesystem>
#include <string>
#include <vector>

#include "engine/model/model_file.h"

namespace quantring::weights {

// Lines "index<TAB>name". Throws Error if the model has no labels.
std::string labels_text(const ModelFile& model);

// Replaces the file atomically by a copy with these labels: one per class, or none. Throws Error.
void set_labels(const std::filesystem::path& path, const std::vector<std::string>& labels);

}  // namespace quantring::weights
