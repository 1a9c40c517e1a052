#pragma once
// Whether a config belongs to the tensors that it is read with. Another model's would give heads,
// eps and preprocessing without any error.

#include "engine/model/architecture.h"
#include "weights_tools/config/config.h"

namespace quantring::weights {

// architecture: dim, depth and mlp_dim as the tensors have them. Throws Error naming file, key and
// both values when the config has another; what it does not say is not checked.
void check_config_belongs(const Architecture& architecture, const ConfigFacts& config);

}  // namespace quantring::weights
