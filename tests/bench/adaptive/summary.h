#pragma once
// Summary of the runs: for each phase and policy the rate, the changes and the accuracy; as a table
// and as a picture.

#include <string>
#include <vector>

#include "apps/report/chart.h"
#include "tests/bench/adaptive/records.h"

namespace quantring::bench {

struct PhaseFigures {
  double shaped_mbps = 0;             // 0: free
  double measured_mbps = 0;           // median after the first window; 0: nothing filled the link
  double rate_percent = 0;            // images done a second, of the target, over the whole phase
  double settled_percent = 0;         // the same after the first window; 0: it was no longer
  double most_late_s = 0;             // of a micro-batch, behind its time
  int changes = 0, late_changes = 0;  // of the codec; after the first window
  double bits = 0;                    // mean over the micro-batches
  double top1 = 0, top1_raw = 0;      // percent; of float32 on the same pictures
  double agreement = 0;               // percent of answers that are float32's
  bool ended_early = false;
};

std::vector<PhaseFigures> figures(const Run& run);

// Markdown: tables with a row for each policy and a column for each phase.
std::string summary_text(const std::vector<Run>& runs);
apps::Chart summary_chart(const std::vector<Run>& runs);

}  // namespace quantring::bench
