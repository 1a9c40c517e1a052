#pragma once
// A worker's report on its stage while it runs: net's StageStats::app_json.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/control/controller.h"

namespace quantring {

// The coding of the link after a stage.
struct OutputState {
  Policy policy = Policy::fixed;
  CodecSpec point;              // of the last micro-batch
  double capacity_bps = 0;      // as the controller last knew it; 0: unknown
  bool capacity_filled = true;  // false: the link carries at least that
  double target_rate = 0;       // images/s; 0: none known
  std::uint64_t decision_count = 0;
  std::vector<Decision>
      decisions;  // the last of them, oldest first; time_s since the stage's start
};

struct WorkerStats {
  std::string range, device;
  double resident_mb = 0;
  std::uint64_t elements_per_image = 0;  // of the stage's output
  bool has_output = false;               // false: the last stage, whose output is logits
  OutputState output;
};

// At most 2 KiB, the ring's limit: the oldest decisions are left out.
std::string worker_stats_to_json(const WorkerStats& stats);

// From a node, so anything: a field of the wrong kind keeps its default. Texts are cut to fit on a
// line and hold no control characters.
WorkerStats worker_stats_from_json(const std::string& text);

// "batch 312 at 12.4 s: raw32 -> ptq 8: ..." and so on.
std::string decision_text(const Decision& decision);

}  // namespace quantring
