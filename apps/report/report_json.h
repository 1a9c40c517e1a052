#pragma once
// The closing report as JSON: what a program reads instead of the tables.

#include <string>

#include "apps/session/run_summary.h"

namespace quantring::apps {

// One object: "images", "seconds", "images_per_s", "top1_percent" and "top5_percent" (with labels),
// and of a ring "policy", "stages" and "links"; a link between stages has its "decisions".
std::string report_json(const RunSummary& summary);

}  // namespace quantring::apps
