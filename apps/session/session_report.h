#pragma once
// The ring's counters as the public SessionReport shows them. Internal.

#include <vector>

#include "apps/session/quantring.h"
#include "apps/session/ring/watch/output_history.h"
#include "engine/model/architecture.h"

namespace quantring {

// Fills stages and links. ranges: of the stages. seconds: in which the counters were counted.
void add_ring_report(const net::RingStats& stats, const OutputHistories& histories,
                     const std::vector<StageRange>& ranges, double seconds, SessionReport& report);

}  // namespace quantring
