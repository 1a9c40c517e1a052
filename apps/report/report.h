#pragma once
// Text reports of a run: link state for the progress line, and the closing tables.

#include <string>
#include <vector>

#include "apps/session/ring/watch/ring_links.h"
#include "apps/session/run_summary.h"

namespace quantring::apps {

// Links in one short text: "Mbit/s 0.8 48.9 48.8 0.1  bits 8 4 4 32"; empty without a ring.
std::string progress_links(const net::RingStats& stats, double seconds);

// Accuracy, rate, tables of stages and links, and the decisions about the coding of links.
std::string closing_report(const RunSummary& summary);

// The busiest part: "link 0 -> 1 (98 %)" or "compute of stage 2 (91 %)"; empty without a ring.
std::string slowest_part(const RunSummary& summary);

// Percent of the ring's answers that are those of one process, as its links are coded now, by the
// ladder of policy ladder.
double estimated_agreement(const RunSummary& summary);

// Aligned columns, the first to the left, the others to the right. rows[0] is the header.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace quantring::apps
