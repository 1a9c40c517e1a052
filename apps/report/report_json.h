#pragma once
// The closing report as JSON: what a program reads instead of the tables.

#include <string>

#include "apps/commands/classify_run.h"

namespace quantring::apps {

// One object: "images", "seconds", "images_per_s", "top1_percent" and "top5_percent" (with labels),
// and of a ring "policy", "stages" and "links"; a link between stages has its "decisions".
std::string report_json(const ClassifySummary& summary);

}  // namespace quantring::apps
