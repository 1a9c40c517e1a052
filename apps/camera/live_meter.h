#pragma once
// Rates, latencies and utilization over a recent window, from monotonic counters.

#include <chrono>
#include <deque>
#include <vector>

#include "apps/camera/live_status.h"
#include "apps/session/ring/watch/output_history.h"
#include "engine/model/architecture.h"
#include "net/wire/stats.h"

namespace quantring::apps {

class LiveMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds rate_window{5}, latency_window{10};

  void answered(Time now, double latency_s);  // one frame

  // A new session of the ring: its counters start from zero.
  void new_session();

  // Fills the rates, the latencies, stages and links; about once a second. ring: without stages
  // while it is lost: those that status has stay, at rest. links.ladder: for the agreement.
  void measure(Time now, std::uint64_t images, const net::RingStats& ring,
               const OutputHistories& outputs, const std::vector<StageRange>& ranges,
               const ControllerOptions& links, LiveStatus& status);

 private:
  struct Sample {
    Time time;
    std::uint64_t images;
    net::RingStats ring;
  };
  struct Latency {
    Time time;
    double seconds;
  };
  std::deque<Sample> samples_;  // within rate_window, oldest first
  std::deque<Latency> latencies_;
};

}  // namespace quantring::apps
