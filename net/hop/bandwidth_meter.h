#pragma once
// Estimates how fast a link carries TCP payload from the counters of the sender's kernel. Pure:
// samples in, an estimate out; no socket and no clock.
//
// While the packet queue at the narrowest point of the path is not empty, acknowledgements arrive
// at the rate of that point (packet-train dispersion). So time and bytes are counted only between
// two acknowledgements, and only when bytes that were in the kernel at the first are still
// unacknowledged at the second: gaps between frames, round trips and a late sender do not enter.
// After a gap the first part of a frame is skipped, as a token bucket passes it faster than the
// link's rate. Spans in which the receiver's window, the send buffer or a congestion window that
// fills no queue limited the rate do not measure the link.

#include <chrono>
#include <cstdint>
#include <deque>

#include "net/hop/tcp_info.h"
#include "net/wire/stats.h"

namespace quantring::net {

struct LinkCapacity {
  Capacity capacity = Capacity::unknown;
  double bits_per_second = 0;  // of TCP payload, without headers of TCP, IP and Ethernet
};

class BandwidthMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // State of the sender at one time.
  struct Sample {
    Time time;
    std::uint64_t written_bytes = 0;  // given to the kernel since the connection began
    TcpInfo tcp;
  };

  // Before the first byte of a data frame is written.
  void frame_begins(const Sample& sample, std::uint64_t frame_bytes);
  // Later: when bytes were written, and every sample_after() while outstanding().
  void sample(const Sample& sample);

  bool outstanding() const { return outstanding_; }  // bytes are not acknowledged yet
  std::chrono::microseconds sample_after() const { return step_; }

  // measured: over the last quarter second of a full link, at most two seconds ago.
  // at_least: the rate of the last second. unknown: no data for 2.5 s.
  LinkCapacity estimate(Time now) const;

 private:
  // Between two acknowledgements with the link full.
  struct Span {
    Time end;
    double seconds = 0, bytes = 0;
    double late_s = 0;          // since the previous sample: the uncertainty of the end
    double held_s = 0;          // limited by the receiver's window or our send buffer
    bool window_bound = false;  // the congestion window was full and the path empty
  };
  struct Sum {
    int spans = 0;
    double seconds = 0, bytes = 0, held_s = 0, window_bound_s = 0, max_bytes = 0;
    void add(const Span& span);
    bool enough(double min_s) const;
  };

  // Traffic at one time.
  struct Point {
    Time time;
    std::uint64_t acked;
  };

  void begin_gap(double idle_s);
  void advance(const Sample& now, std::uint64_t bytes, bool rest);
  void extend_train(const Span& span);
  void keep(const Span& span);
  void cut_head();
  LinkCapacity traffic(Time now) const;
  void next_step();

  Sample last_;              // the latest
  Sample advanced_;          // the latest at which bytes had been acknowledged
  std::uint64_t acked_ = 0;  // bytes; never decreases
  bool outstanding_ = false;
  bool full_ = false;              // since advanced_ there were always bytes to send
  std::uint64_t frame_bytes_ = 0;  // of the latest frame
  double skip_bytes_ = 0;          // still to be skipped
  std::deque<Span> spans_;         // oldest first
  std::deque<Span> head_;          // of the train since the last gap, until it is long enough
  double train_s_ = 0, begin_late_s_ = 0;
  bool long_train_ = false;
  Time skip_until_{};
  std::chrono::microseconds step_{500};
  double latest_rate_ = 0;     // bytes a second
  std::deque<Point> traffic_;  // of the last second
  Time last_data_{};
};

}  // namespace quantring::net
