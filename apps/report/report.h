#pragma once
// What a run was like: the state of the links while it goes on, and the closing tables.

#include <string>
#include <vector>

#include "apps/commands/classify_run.h"

namespace quantring::apps {

// Links as one short text: "Mbit/s 0.8 48.9 48.8 0.1  bits 8 4 4 32"; empty without a ring.
std::string progress_links(const net::RingStats& stats, double seconds);

// Accuracy, rate, a table each of stages and links, and why links were coded as they were.
std::string closing_report(const ClassifySummary& summary);

// What was busiest: "link 0 -> 1 (98 %)" or "compute of stage 2 (91 %)"; empty without a ring.
std::string slowest_part(const ClassifySummary& summary);

// Columns aligned: the first to the left, the others to the right. rows: the first is the header.
std::string table(const std::vector<std::vector<std::string>>& rows);

// "head -> 0", "0 -> 1", ..., "2 -> head": number `link` of a ring of `stages`.
std::string link_name(std::size_t link, std::size_t stages);

struct LinkCapacity {
  net::Capacity kind = net::Capacity::unknown;
  double bps = 0;
};
// As it was last known: a link that has become idle no longer knows.
LinkCapacity link_capacity(const ClassifySummary& summary, std::size_t link);

// Links in ring order: head -> stage 0, stage 0 -> stage 1, ..., last stage -> head.
std::vector<net::LinkStats> ring_links(const net::RingStats& stats);

}  // namespace quantring::apps
