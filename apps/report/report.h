#pragma once
// What a run was like: the state of the links while it goes on, and the closing tables.

#include <string>
#include <vector>

#include "apps/session/ring_links.h"
#include "apps/session/run_summary.h"

namespace quantring::apps {

// Links as one short text: "Mbit/s 0.8 48.9 48.8 0.1  bits 8 4 4 32"; empty without a ring.
std::string progress_links(const net::RingStats& stats, double seconds);

// Accuracy, rate, a table each of stages and links, and why links were coded as they were.
std::string closing_report(const RunSummary& summary);

// What was busiest: "link 0 -> 1 (98 %)" or "compute of stage 2 (91 %)"; empty without a ring.
std::string slowest_part(const RunSummary& summary);

// Columns aligned: the first to the left, the others to the right. rows: the first is the header.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace quantring::apps
