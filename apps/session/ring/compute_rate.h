#pragma once
// The compute rate of the slowest stage of a ring, from the reports that stages send twice a
// second.

#include <deque>
#include <optional>
#include <vector>

#include "net/wire/stats.h"

namespace quantring {

// The median of each stage's latest reports, so that a short hold-up does not count.
class ComputeRate {
 public:
  // The rate in images/s that no link should hold up, when it is to be sent: the first one known,
  // and one that differs by more than 3 % from the last in two reports in a row. expected_rate:
  // images/s that arrive at most; 0: not known.
  std::optional<double> update(const net::RingStats& stats, double expected_rate = 0);

  double current() const;  // images/s; 0: too few reports yet

 private:
  struct Stage {
    std::uint64_t images = 0;
    double compute_s = 0;
    std::deque<double> rates;  // images/s, one for each report with new images
  };

  std::vector<Stage> stages_;
  double sent_ = 0;
  int far_ = 0;  // reports in a row that differ from what was sent
};

}  // namespace quantring
