#include "weights_tools/naming/config_check.h"

#include <fmt/format.h>

#include "ops/base/error.h"

namespace quantring::weights {

void check_config_belongs(const Architecture& architecture, const ConfigFacts& config) {
  const auto check = [](const std::optional<Fact<int>>& said, int real, const char* unit) {
    if (!said || said->value == real) return;
    throw Error(
        fmt::format("{} {}, but the tensors have {} {}: it is another model's; give the right one "
                    "with --config",
                    said->source, said->value, unit, real));
  };
  check(config.dim, architecture.dim, "dim");
  check(config.depth, architecture.depth, "depth");
  check(config.mlp_dim, architecture.mlp_dim, "MLP width");
}

}  // namespace quantring::weights
