#pragma once
// What a run of `classify` or `camera` counts: pictures, right answers, and its ring.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apps/session/ring/watch/link_targets.h"
#include "apps/session/ring/watch/output_history.h"
#include "engine/control/controller.h"
#include "engine/model/architecture.h"
#include "net/wire/stats.h"

namespace quantring {

struct RunSummary {
  std::uint64_t images = 0, unreadable = 0;
  std::uint64_t labelled = 0, top1 = 0, top5 = 0;   // top1, top5: right, of the labelled
  std::uint64_t class_before = 0, class_after = 0;  // answers that are the label - 1 and + 1
  double seconds = 0;                               // from the first submission to the last result
  double ring_seconds = 0;         // of these, since the ring was connected last; 0: all
  std::vector<StageRange> ranges;  // of the ring's stages; empty without a ring
  net::RingStats ring;             // exact; empty without a ring
  ControllerOptions links;         // of the senders between stages; the floor is the ring's
  RingLimit limit;                 // what held the ring up last
  OutputHistories outputs;         // one a stage; empty without a ring
  std::string passed_over;         // PassedOver::text of the source

  // Counts one answer, and whether it is right where that is known. label: -1 if unknown; of a
  // single class 1 or 0: it applies if its probability is at least the threshold.
  void count(int label, std::span<const float> logits, float threshold = 0.5f);

  double images_per_s() const { return seconds > 0 ? static_cast<double>(images) / seconds : 0; }
  // In which the ring's counters were counted.
  double counted_seconds() const { return ring_seconds > 0 ? ring_seconds : seconds; }
  double top1_percent() const { return percent(top1); }
  double top5_percent() const { return percent(top5); }

 private:
  double percent(std::uint64_t right) const {
    return labelled == 0 ? 0 : 100.0 * static_cast<double>(right) / static_cast<double>(labelled);
  }
};

}  // namespace quantring
