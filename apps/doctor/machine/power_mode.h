#pragma once
// The power modes of a Jetson, from the files of nvpmodel.

#include <optional>
#include <string>
#include <vector>

#include "apps/doctor/machine/system_files.h"

namespace quantring::apps {

struct PowerMode {
  int id = 0;
  std::string name;  // "15W", "MAXN_SUPER"
};

struct PowerModes {
  std::vector<PowerMode> all;     // in the order of /etc/nvpmodel.conf
  std::optional<PowerMode> now;   // from /var/lib/nvpmodel/status, else the default
  std::optional<PowerMode> best;  // MAXN_SUPER, MAXN or the highest wattage; not always id 0
};

PowerModes read_power_modes(const SystemFiles& system);

}  // namespace quantring::apps
