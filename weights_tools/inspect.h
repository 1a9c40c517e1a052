#pragma once
// What is in a model file, as text for a person or as JSON.

#include <string>

#include "engine/model_file.h"

namespace quantring::weights {

std::string inspect_text(const ModelFile& model);
std::string inspect_json(const ModelFile& model);

}  // namespace quantring::weights
