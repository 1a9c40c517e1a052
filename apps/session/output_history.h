#pragma once
// What became of the coding of each stage's output link: pieced together by the head from the last
// few decisions that each report holds.

#include <cstdint>
#include <deque>
#include <vector>

#include "apps/session/worker_stats.h"
#include "net/wire/stats.h"

namespace quantring {

struct OutputHistory {
  bool controlled = false;         // there is a controller at this link's sender
  OutputState last;                // without its decisions
  std::deque<Decision> decisions;  // oldest first; at most 1000
  std::uint64_t missed = 0;        // that no report held, or that were let go
  // The last that was known while the run went on; at the end a link may be idle.
  net::Capacity capacity = net::Capacity::unknown;
  double capacity_bps = 0;
};

// One a stage, in ring order.
using OutputHistories = std::vector<OutputHistory>;

void add_report(OutputHistories& histories, const net::RingStats& stats);

}  // namespace quantring
