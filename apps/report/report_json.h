#pragma once
// The closing report as JSON.

#include <string>

#include "apps/session/run_summary.h"

namespace quantring::apps {

// One object: "images", "seconds", "images_per_s", with labels "top1_percent" and "top5_percent",
// with a ring "policy", "stages" and "links"; links between stages have "decisions".
std::string report_json(const RunSummary& summary);

}  // namespace quantring::apps
