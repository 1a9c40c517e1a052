#pragma once
// LiveStatus as metrics, in base units, with those of this process. Unknown values have no sample.

#include <string>

#include "apps/camera/live_status.h"

namespace quantring::apps {

std::string live_metrics(const LiveStatus& status);

}  // namespace quantring::apps
