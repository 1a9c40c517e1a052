#pragma once
// LiveStatus in Prometheus's text format, version 0.0.4, in base units. Unknown values have no
// sample.

#include <string>

#include "apps/camera/live_status.h"

namespace quantring::apps {

inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

std::string live_metrics(const LiveStatus& status);

}  // namespace quantring::apps
