#pragma once
// Frames per second over the last seconds.

#include <chrono>
#include <cstddef>
#include <deque>

namespace quantring {

class ArrivalRate {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void arrived(Time at) {
    times_.push_back(at);
    if (times_.size() > max_times_) times_.pop_front();
  }
  // 0 if fewer than two arrived in the last 5 s.
  double per_second(Time now) const {
    std::size_t first = 0;
    while (first < times_.size() && now - times_[first] > window_) ++first;
    if (times_.size() - first < 2) return 0;
    const std::chrono::duration<double> span = now - times_[first];
    return span.count() <= 0 ? 0 : static_cast<double>(times_.size() - first - 1) / span.count();
  }

 private:
  static constexpr std::size_t max_times_ = 512;
  static constexpr std::chrono::seconds window_{5};
  std::deque<Time> times_;
};

}  // namespace quantring
