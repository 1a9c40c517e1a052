#pragma once
// What is in a model file, as text for a person or as JSON.

#include <string>

#include "engine/model/model_file.h"

namespace quantring::weights {

// Architecture, preprocessing, labels, sizes; what embedding, blocks and head take to store and to
// compute; for each place where the model can be cut, what is before it and behind it, and how many
// bytes an image cross it.
std::string inspect_text(const ModelFile& model);
std::string inspect_json(const ModelFile& model);

}  // namespace quantring::weights
