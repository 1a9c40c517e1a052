#pragma once
// History of the coding of each stage's output link: the head joins the last decisions that each
// report holds.

#include <cstdint>
#include <deque>
#include <vector>

#include "apps/session/ring/watch/worker_stats.h"
#include "net/wire/stats.h"

namespace quantring {

struct OutputHistory {
  bool controlled = false;         // the link's sender has a controller
  OutputState last;                // without its decisions
  std::deque<Decision> decisions;  // oldest first; at most 1000
  std::uint64_t missed = 0;        // decisions that no report held, or that were discarded
  // The last known one: an idle link measures nothing.
  net::Capacity capacity = net::Capacity::unknown;
  double capacity_bps = 0;
};

// One a stage, in ring order.
using OutputHistories = std::vector<OutputHistory>;

void add_report(OutputHistories& histories, const net::RingStats& stats);

}  // namespace quantring
