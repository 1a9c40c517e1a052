#pragma once
// How fast a link carries TCP payload, from what the kernel of its sender counts. Pure: samples in,
// an estimate out; no socket and no clock.
//
// While a packet queue at the narrowest point of the path does not run dry, acknowledgements come
// back at the rate of that point (packet-train dispersion). So time and bytes are only counted
// between two moments at which bytes were acknowledged, and only when bytes that were in the kernel
// at the first are still unacknowledged at the second: gaps between frames, round trips, and a
// sender that is late do not enter. After a gap the first part of a frame is left out, as a token
// bucket lets it through faster than the link's rate. Where the receiver's window, the send buffer
// or a congestion window that fills no queue held the bytes up, the link was not what was measured.

#include <chrono>
#include <cstdint>
#include <deque>

#include "net/wire/stats.h"
#include "net/hop/tcp_info.h"

namespace quantring::net {

struct LinkCapacity {
  Capacity capacity = Capacity::unknown;
  double bits_per_second = 0;  // of TCP payload: headers of TCP, IP and Ethernet come on top
};

class BandwidthMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What the sender knows at one moment.
  struct Sample {
    Time time;
    std::uint64_t written_bytes = 0;  // given to the kernel since the connection began
    TcpInfo tcp;
  };

  // Before the first byte of a data frame is written.
  void frame_begins(const Sample& sample, std::uint64_t frame_bytes);
  // At any later moment: when bytes were written, and every sample_after() while outstanding().
  void sample(const Sample& sample);

  bool outstanding() const { return outstanding_; }  // bytes are not acknowledged yet
  std::chrono::microseconds sample_after() const { return step_; }

  // measured: of the last quarter second in which the link was full, at most two seconds ago.
  // at_least: what went through in the last second. unknown: no data for 2.5 s.
  LinkCapacity estimate(Time now) const;

 private:
  // Between two acknowledgements with the link full.
  struct Span {
    Time end;
    double seconds = 0, bytes = 0;
    double late_s = 0;          // since the sample before: the end is known so well
    double held_s = 0;          // by the receiver's window or our send buffer
    bool window_bound = false;  // the congestion window was full and the path empty
  };
  struct Sum {
    int spans = 0;
    double seconds = 0, bytes = 0, held_s = 0, window_bound_s = 0, largest = 0;
    void add(const Span& span);
    bool enough(double least_s) const;
  };

  // Of the traffic at one moment.
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
  std::uint64_t acked_ = 0;  // bytes; never falls
  bool outstanding_ = false;
  bool full_ = false;              // since advanced_ there was always something to send
  std::uint64_t frame_bytes_ = 0;  // of the latest frame
  double skip_bytes_ = 0;          // still to be left out
  std::deque<Span> spans_;         // oldest first
  std::deque<Span> head_;          // of the train since the latest gap, until it is long enough
  double train_s_ = 0, begin_late_s_ = 0;
  bool long_train_ = false;
  Time skip_until_{};
  std::chrono::microseconds step_{500};
  double latest_rate_ = 0;     // bytes a second
  std::deque<Point> traffic_;  // of the last second
  Time last_data_{};
};

}  // namespace quantring::net
