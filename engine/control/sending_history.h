#pragma once
// How long sending the frames took: evidence about the link that is independent of its meter.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "engine/control/controller.h"

namespace quantring {

class SendingHistory {
 public:
  explicit SendingHistory(std::size_t max_count) : max_count_(max_count) {}

  // Frames from number `first` on are coded at the current point: only these count. Earlier ones
  // may still be queued.
  void begin_point(std::uint64_t first);
  void add(const LinkObservation& link);  // once per micro-batch

  struct Progress {
    double frames = 0, images = 0, payload_bytes = 0;
    double seconds = 0;
    double sending_s = 0;

    double rate() const { return images / seconds; }     // images/s sent
    double busy() const { return sending_s / seconds; }  // share of the time
    double link_rate() const {
      return images / sending_s;
    }  // images/s at full load; infinite if nothing was sending
  };
  // Over the last `count` micro-batches; empty when there are fewer.
  std::optional<Progress> over(std::size_t count) const;

 private:
  struct Sample {
    double time_s, sending_s;
    std::uint64_t frames, images, payload_bytes;
  };
  std::size_t max_count_;
  std::uint64_t first_ = 0;
  std::deque<Sample> samples_;
};

}  // namespace quantring
