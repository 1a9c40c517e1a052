#pragma once
// What each part of a ring carries, from the counters of head and stages: medians of their latest
// reports, so that a short hold-up does not count.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "engine/codec/codec.h"
#include "net/wire/stats.h"

namespace quantring {

class WayRates {
 public:
  // now_s: any monotonic clock. About twice a second.
  void update(const net::RingStats& stats, double now_s);

  // images/s of the slowest stage; 0: too few reports of some stage yet.
  double compute_rate() const;
  std::size_t slowest_stage() const;
  // Links in ring order, 0 is head -> 0. Bits/s; 0: not known, the link was never full.
  double capacity(std::size_t link) const;
  // images/s of a link as it is coded now; 0: not known.
  double link_rate(std::size_t link) const;

 private:
  struct Stage {
    std::uint64_t images = 0;
    double compute_s = 0;
    std::deque<double> rates;  // images/s, one for each report with new images
  };
  struct Sample {
    double time_s, sending_s;
    std::uint64_t wire_bytes, images;
  };
  struct Link {
    std::deque<Sample> samples;     // of reports with new images
    std::deque<double> capacities;  // bits/s
  };

  static void add(Stage& stage, const net::StageStats& now);
  static void add(Link& link, const net::LinkStats& now, double now_s);

  std::vector<Stage> stages_;
  std::vector<Link> links_;
};

}  // namespace quantring
