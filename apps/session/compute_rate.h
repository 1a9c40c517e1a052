#pragma once
// How fast the slowest stage of a ring computes, out of what the stages report twice a second.

#include <deque>
#include <optional>
#include <vector>

#include "net/wire/stats.h"

namespace quantring {

// The median of each stage's latest reports, so that a stage which was held up for a moment is not
// taken for a slower one.
class ComputeRate {
 public:
  // The rate in images/s that no link should hold up, when it is news: the first one known, and
  // one that has stood more than 3 % away from what was told last for two reports. expected_rate:
  // so many images come at most; 0: not known.
  std::optional<double> update(const net::RingStats& stats, double expected_rate = 0);

  double current() const;  // images/s; 0: not all stages have computed enough yet

 private:
  struct Stage {
    std::uint64_t images = 0;
    double compute_s = 0;
    std::deque<double> rates;  // images/s of the compute, one a report in which images were done
  };

  std::vector<Stage> stages_;
  double told_ = 0;
  int away_ = 0;  // reports in a row that were far from what was told
};

}  // namespace quantring
