#pragma once
// A model as text.

#include <string>
#include <utility>
#include <vector>

#include "engine/model/model_file.h"

namespace quantring::weights {

// Pairs of name and value: {"architecture", "ViT, 12 blocks, dim 192, ..."}, ...
std::vector<std::pair<std::string, std::string>> describe(const Architecture& architecture);
std::string describe(const PreprocessConfig& preprocess);

}  // namespace quantring::weights
