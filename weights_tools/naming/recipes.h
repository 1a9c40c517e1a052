#pragma once
// The recipe of every tensor of the model file, out of the checkpoint's tensors by role.

#include <map>
#include <string>
#include <vector>

#include "engine/model/architecture.h"
#include "weights_tools/inspect/findings.h"
#include "weights_tools/naming/positions.h"
#include "weights_tools/naming/roles.h"

namespace quantring::weights {

// Appends to findings what is not there and becomes zeros. Throws Error naming a tensor that is
// missing or of a wrong shape.
std::map<std::string, Recipe> make_recipes(const Architecture& architecture, const Roles& roles,
                                           const PositionPlan& positions,
                                           std::vector<Finding>& findings);

}  // namespace quantring::weights
