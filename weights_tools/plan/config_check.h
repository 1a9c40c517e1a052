#pragma once
// Checks that a config belongs to the checkpoint. The config of another model would give wrong
// heads, eps and preprocessing without any error.

#include "engine/model/architecture.h"
#include "weights_tools/config/config.h"

namespace quantring::weights {

// architecture: dim, depth and mlp_dim from the tensors. Throws Error naming file, key and both
// values if the config has another value.
void check_config_belongs(const Architecture& architecture, const ConfigFacts& config);

}  // namespace quantring::weights
