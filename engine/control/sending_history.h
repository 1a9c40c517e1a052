#pragma once
// What the frames themselves show of their link, apart from its meter: how long sending them took.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "engine/control/controller.h"

namespace quantring {

class SendingHistory {
 public:
  explicit SendingHistory(std::size_t longest) : longest_(longest) {}

  // Frames from number `first` on have the point of now: only these are looked at. What was encoded
  // earlier may still be waiting to be sent.
  void begin_point(std::uint64_t first);
  void add(const LinkObservation& link);  // one a micro-batch

  struct Progress {
    double frames = 0, images = 0;
    double seconds = 0;  // passed
    double sending_s = 0;

    double rate() const { return images / seconds; }         // images/s that left
    double busy() const { return sending_s / seconds; }      // share of the time
    double link_rate() const { return images / sending_s; }  // images/s if it were 1; infinite if 0
  };
  // Over the last `count` micro-batches; nothing when there were not so many yet.
  std::optional<Progress> over(std::size_t count) const;

 private:
  struct Event {
    double time_s, sending_s;
    std::uint64_t frames, images;
  };
  std::size_t longest_;
  std::uint64_t first_ = 0;
  std::deque<Event> moments_;
};

}  // namespace quantring
