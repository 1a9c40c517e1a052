#pragma once
// What limits a run now, for its page.

#include <string>

#include "apps/camera/live_status.h"

namespace quantring::apps {

// One sentence: the source, a link, a stage or this process, with the number that shows it; or what
// is lost. live: frames that are not classified in time are dropped.
std::string limit_sentence(const LiveStatus& status, bool live);

// The stage that the error of a ring names as lost or not to be reached; -1: none.
int lost_stage(const std::string& ring_error);

}  // namespace quantring::apps
