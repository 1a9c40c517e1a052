#include "engine/control/sending_history.h"

namespace quantring {

void SendingHistory::begin_point(std::uint64_t first) {
  first_ = first;
  samples_.clear();
}

void SendingHistory::add(const LinkObservation& link) {
  // Counts and time only grow within a session.
  if (!samples_.empty()) {
    const Sample& last = samples_.back();
    if (link.time_s < last.time_s || link.sending_s < last.sending_s || link.frames < last.frames ||
        link.images < last.images)
      samples_.clear();
  }
  // Once frame `first_` was sent, so were all before it.
  if (link.frames <= first_) return;
  samples_.push_back({link.time_s, link.sending_s, link.frames, link.images, link.payload_bytes});
  if (samples_.size() > max_count_ + 1) samples_.pop_front();
}

std::optional<SendingHistory::Progress> SendingHistory::over(std::size_t count) const {
  if (count == 0 || samples_.size() < count + 1) return std::nullopt;
  const Sample& from = samples_[samples_.size() - 1 - count];
  const Sample& to = samples_.back();
  const Progress progress{.frames = static_cast<double>(to.frames - from.frames),
                          .images = static_cast<double>(to.images - from.images),
                          .payload_bytes = static_cast<double>(to.payload_bytes) -
                                           static_cast<double>(from.payload_bytes),
                          .seconds = to.time_s - from.time_s,
                          .sending_s = to.sending_s - from.sending_s};
  if (progress.images <= 0 || progress.seconds <= 0) return std::nullopt;
  return progress;
}

}  // namespace quantring
