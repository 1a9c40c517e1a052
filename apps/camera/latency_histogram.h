#pragma once
// Latencies of a run of any length in constant memory: buckets that are 2 % wide.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace quantring::apps {

class LatencyHistogram {
 public:
  void add(double seconds) {
    ++counts_[bucket(seconds)];
    ++count_;
    max_ = std::max(max_, seconds);
  }
  // At most 2 % too high; 0 without values. fraction: 0..1, nearest rank.
  double percentile(double fraction) const {
    const double rank = std::max(1.0, std::ceil(fraction * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (count_ > 0 && static_cast<double>(seen) >= rank) return std::min(top_of(i), max_);
    }
    return 0;
  }
  double max() const { return max_; }  // exact

 private:
  static constexpr double first_top = 1e-4;  // s
  static constexpr double step = 1.02;
  static std::size_t bucket(double seconds) {
    if (!(seconds > first_top)) return 0;
    const double index = std::ceil(std::log(seconds / first_top) / std::log(step));
    return static_cast<std::size_t>(std::min(index, static_cast<double>(buckets - 1)));
  }
  static double top_of(std::size_t bucket) {
    return first_top * std::pow(step, static_cast<double>(bucket));
  }

  static constexpr std::size_t buckets = 900;  // up to 1.5 hours
  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  double max_ = 0;
};

}  // namespace quantring::apps
