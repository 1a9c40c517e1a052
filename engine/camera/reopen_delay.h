#pragma once
// How long to wait before a broken source is opened anew.

#include <algorithm>
#include <chrono>

namespace quantring {

struct ReopenDelays {
  std::chrono::milliseconds first{1000}, longest{30000};
};

class ReopenDelay {
 public:
  explicit ReopenDelay(ReopenDelays delays) : delays_(delays), next_(delays.first) {}
  // first, twice that, four times that ... longest.
  std::chrono::milliseconds next() {
    const auto delay = std::min(next_, delays_.longest);
    next_ = std::min(2 * delay, delays_.longest);
    return delay;
  }
  void begin_anew() { next_ = delays_.first; }

 private:
  ReopenDelays delays_;
  std::chrono::milliseconds next_;
};

}  // namespace quantring
