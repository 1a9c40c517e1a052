#pragma once
// The power modes of a Jetson, from the files that nvpmodel reads and writes.

#include <optional>
#include <string>
#include <vector>

#include "apps/doctor/system_files.h"

namespace quantring::apps {

struct PowerMode {
  int id = 0;
  std::string name;  // "15W", "MAXN_SUPER"
};

struct PowerModes {
  std::vector<PowerMode> all;     // of /etc/nvpmodel.conf, in its order
  std::optional<PowerMode> now;   // of /var/lib/nvpmodel/status, else the default of the conf
  std::optional<PowerMode> best;  // MAXN_SUPER, MAXN, or the most watts. Not always id 0
};

PowerModes read_power_modes(const SystemFiles& system);

}  // namespace quantring::apps
