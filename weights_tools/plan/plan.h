#pragma once
// Plans a conversion: from named tensors to the architecture, the recipes of all tensors, and the
// findings.

#include <map>
#include <string>
#include <vector>

#include "engine/image/preprocess.h"
#include "engine/model/architecture.h"
#include "weights_tools/naming/naming.h"
#include "weights_tools/plan/hints.h"
#include "weights_tools/recipe/recipe.h"

namespace quantring::weights {

struct ConversionPlan {
  Architecture architecture;
  PreprocessConfig preprocess;
  std::vector<std::string> labels;        // from the config; may be empty
  bool independent = false;               // ModelFile::independent_classes
  std::map<std::string, Recipe> recipes;  // every canonical tensor of the architecture
  std::vector<Finding> findings;
};

// Throws Error naming the tensor that is missing, unexpected, of a wrong shape or not of floats;
// OptionError naming the flag that is missing, invalid or does not fit the checkpoint.
ConversionPlan plan_conversion(const TensorInfos& tensors, const ConfigFacts& config,
                               const ConvertHints& hints);

}  // namespace quantring::weights
