#pragma once
// From named tensors to a model: architecture, recipes of all its tensors, and what was inferred.

#include <map>
#include <string>
#include <vector>

#include "engine/model/architecture.h"
#include "engine/image/preprocess.h"
#include "weights_tools/config/hints.h"
#include "weights_tools/naming/naming.h"
#include "weights_tools/convert/recipe.h"

namespace quantring::weights {

struct ConversionPlan {
  Architecture architecture;
  PreprocessConfig preprocess;
  std::vector<std::string> labels;        // of the config; empty: none
  std::map<std::string, Recipe> recipes;  // every canonical tensor of the architecture
  std::vector<Finding> findings;
};

// Throws Error naming the tensor (missing, of a wrong shape, left over, not a float type) or the
// flag that must say what the files do not.
ConversionPlan plan_conversion(const TensorInfos& tensors, const ConfigFacts& config,
                               const ConvertHints& hints);

}  // namespace quantring::weights
