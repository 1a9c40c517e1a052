#include "engine/control/sending_history.h"

namespace quantring {

void SendingHistory::begin_point(std::uint64_t first) {
  first_ = first;
  moments_.clear();
}

void SendingHistory::add(const LinkObservation& link) {
  // Counts and time only grow within a session; what falls back is another's, or wrong.
  if (!moments_.empty()) {
    const Event& last = moments_.back();
    if (link.time_s < last.time_s || link.sending_s < last.sending_s || link.frames < last.frames ||
        link.images < last.images)
      moments_.clear();
  }
  // Frame `first_` has left, and with it all that came before.
  if (link.frames <= first_) return;
  moments_.push_back({link.time_s, link.sending_s, link.frames, link.images});
  if (moments_.size() > longest_ + 1) moments_.pop_front();
}

std::optional<SendingHistory::Progress> SendingHistory::over(std::size_t count) const {
  if (count == 0 || moments_.size() < count + 1) return std::nullopt;
  const Event& from = moments_[moments_.size() - 1 - count];
  const Event& to = moments_.back();
  const Progress progress{.frames = static_cast<double>(to.frames - from.frames),
                          .images = static_cast<double>(to.images - from.images),
                          .seconds = to.time_s - from.time_s,
                          .sending_s = to.sending_s - from.sending_s};
  if (progress.images <= 0 || progress.seconds <= 0) return std::nullopt;
  return progress;
}

}  // namespace quantring
