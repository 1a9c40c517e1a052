#pragma once
// Makes the recipe of every tensor of the model file from the checkpoint's tensors by role.

#include <map>
#include <string>
#include <vector>

#include "engine/model/architecture.h"
#include "weights_tools/base/findings.h"
#include "weights_tools/plan/positions.h"
#include "weights_tools/plan/roles.h"

namespace quantring::weights {

// Appends to findings which biases are missing and become zeros. Throws Error naming a tensor that
// is missing or of a wrong shape.
std::map<std::string, Recipe> make_recipes(const Architecture& architecture, const Roles& roles,
                                           const PositionPlan& positions,
                                           std::vector<Finding>& findings);

}  // namespace quantring::weights
