#pragma once
// Delay before a broken source is reopened.

#include <algorithm>
#include <chrono>

namespace quantring {

struct ReopenDelays {
  std::chrono::milliseconds first{1000}, max{30000};
};

class ReopenDelay {
 public:
  explicit ReopenDelay(ReopenDelays delays) : delays_(delays), next_(delays.first) {}
  // Doubles from first up to max.
  std::chrono::milliseconds next() {
    const auto delay = std::min(next_, delays_.max);
    next_ = std::min(2 * delay, delays_.max);
    return delay;
  }
  void reset() { next_ = delays_.first; }

 private:
  ReopenDelays delays_;
  std::chrono::milliseconds next_;
};

}  // namespace quantring
