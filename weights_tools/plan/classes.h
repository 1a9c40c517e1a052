#pragma once
// What is known of a converted model's classes: their names, and whether they exclude each other.

#include <string>
#include <vector>

#include "weights_tools/base/findings.h"
#include "weights_tools/config/config.h"
#include "weights_tools/plan/hints.h"

namespace quantring::weights {

// Both append to findings what they found, with its source.

// ModelFile::independent_classes. Throws Error for a regression with several outputs.
bool infer_independent(int classes, const ConfigFacts& config, const ConvertHints& hints,
                       std::vector<Finding>& findings);
// Empty if the files have no names, or not those of these classes.
std::vector<std::string> infer_labels(int classes, const ConfigFacts& config,
                                      std::vector<Finding>& findings);

}  // namespace quantring::weights
