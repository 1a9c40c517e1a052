#pragma once
// The contents of a model file, as text or as JSON.

#include <string>

#include "engine/model/model_file.h"

namespace quantring::weights {

// Architecture, preprocessing, labels, sizes; bytes and operations of embedding, blocks and head;
// for each possible cut, bytes and operations before and behind it, and bytes per image across it.
std::string inspect_text(const ModelFile& model);
std::string inspect_json(const ModelFile& model);

}  // namespace quantring::weights
