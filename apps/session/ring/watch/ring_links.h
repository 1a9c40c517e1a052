#pragma once
// The links of a ring in order: head -> stage 0, stage 0 -> stage 1, ..., last stage -> head.

#include <string>
#include <vector>

#include "apps/session/ring/watch/output_history.h"
#include "net/wire/stats.h"

namespace quantring {

std::vector<net::LinkStats> ring_links(const net::RingStats& stats);  // empty without stages

// Name of link number `link` in a ring of `stages`: "head -> 0", "0 -> 1", ..., "2 -> head".
std::string link_name(std::size_t link, std::size_t stages);

struct LinkCapacity {
  net::Capacity kind = net::Capacity::unknown;
  double bps = 0;
};
// The last known capacity: an idle link measures nothing. outputs: of the stages.
LinkCapacity link_capacity(const net::RingStats& stats, const OutputHistories& outputs,
                           std::size_t link);

}  // namespace quantring
