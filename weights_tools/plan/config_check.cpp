#include "weights_tools/plan/config_check.h"

#include <fmt/format.h>

#include "ops/base/error.h"

namespace quantring::weights {

void check_config_belongs(const Architecture& architecture, const ConfigFacts& config) {
  const auto check = [](const std::optional<Fact<int>>& fact, int actual, const char* unit) {
    if (!fact || fact->value == actual) return;
    throw Error(fmt::format(
        "{} {}, but the tensors have {} {}: the config is another model's; name the right one "
        "with {}",
        fact->source, fact->value, unit, actual,
        fact->source.rfind("--like", 0) == 0 ? "--like" : "--config"));
  };
  check(config.dim, architecture.dim, "dim");
  check(config.depth, architecture.depth, "depth");
  check(config.mlp_dim, architecture.mlp_dim, "MLP width");
}

}  // namespace quantring::weights
