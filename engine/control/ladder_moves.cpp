// The policy ladder: candidate points, and the effects of a move.
#include <fmt/format.h>

#include <algorithm>

#include "engine/control/decision_text.h"
#include "engine/control/ladder_policy.h"
#include "engine/control/ladder_tuning.h"

namespace quantring {

using namespace ladder_tuning;

std::optional<Decision> LadderPolicy::fall(double room, const std::string& seen) {
  // The rate counts from the end of the first window.
  if (!stall_ && frame_ >= window_ && options_.target_rate > 0)
    stall_ = {.time_s = now_.time_s, .images = now_.images, .frame = frame_};
  return move_down(room, stall_ ? stall_headroom : fall_headroom, seen);
}

std::optional<Decision> LadderPolicy::move_down(double room, double spare,
                                                const std::string& seen) {
  if (point_ == coarsest_) return report_short(room);
  if (climbed_) patience_ = std::min(2 * patience_, max_patience);
  refusal_ = {.from = std::min(bits(), room / (1 + headroom)), .reading = room};
  std::size_t to = point_ + 1;
  while (to < coarsest_ && bits(to) * (1 + spare) > room) ++to;
  return move_to(to, room,
                 fmt::format("{}: {} needs {}, {} {}", seen,
                             codec_text(options_.ladder[point_].codec), mbits_text(bits() * rate_),
                             codec_text(options_.ladder[to].codec), mbits_text(bits(to) * rate_)));
}

// No coarser point is left. Reported once.
std::optional<Decision> LadderPolicy::report_short(double room) {
  lacking_ = room < mild * bits();
  if (short_ || !lacking_) return std::nullopt;
  short_ = true;
  return status_update(room, shortage(room));
}

Decision LadderPolicy::move_to(std::size_t point, double room, const std::string& cause) {
  Decision decision = status_update(room, cause);
  point_ = point;
  short_ = point_ == coarsest_ && rate_ > 0 && room < bits();
  decision.to = options_.ladder[point_].codec;
  decision.needed_bps = bits() * rate_;
  decision.short_of_target = short_;
  if (short_) decision.cause = shortage(room);

  calls_ = 0;
  climbed_ = settled_ = bursts_fill_ = false;
  settled_frames_room_ = 0;
  readings_.begin_point();
  sending_.begin_point(frame_);
  return decision;
}

Decision LadderPolicy::status_update(double room, const std::string& cause) const {
  Decision decision;
  decision.from = decision.to = options_.ladder[point_].codec;
  decision.capacity_bps = room * rate_;
  decision.target_rate = rate_;
  decision.needed_bps = bits() * rate_;
  decision.short_of_target = short_;
  decision.cause = cause;
  return decision;
}

std::string LadderPolicy::shortage(double room) const {
  const bool floor = coarsest_ + 1 < options_.ladder.size();
  return fmt::format("{} Mbit/s carry {} of {} images/s at {}, the {}", mbits_text(room * rate_),
                     three_digits(rate_ * room / bits()), three_digits(rate_),
                     codec_text(options_.ladder[point_].codec),
                     floor ? "accuracy floor" : "coarsest point");
}

std::string LadderPolicy::link_carries(double room) const {
  const bool fell = settled_ && settled_room_ > clear_after_refusal * room;
  return fmt::format("{} {} Mbit/s", fell ? "link fell to" : "link carries",
                     mbits_text(room * rate_));
}

bool LadderPolicy::sustains_rate(std::size_t count) const {
  const auto progress = sending_.over(count);
  return progress && progress->rate() >= almost_rate * rate_ &&
         progress->link_rate() >= rate_margin * rate_;
}

// The meter was wrong before, and the frames do not confirm its reading, or not yet.
bool LadderPolicy::meter_in_doubt() const {
  return doubt_ && (sustains_rate(dozen) || !sending_.over(dozen));
}

std::optional<std::size_t> LadderPolicy::finer_that_fits(double room, double low) const {
  const double spare = stall_ ? stall_headroom : headroom;
  for (std::size_t point = 0; point < point_; ++point) {
    const bool fits = bits(point) * (1 + spare) <= room && bits(point) <= low;
    if (fits && bits(point) < refusal_.from) return point;
  }
  return std::nullopt;
}

// The next finer point, unless there is evidence against it.
std::optional<std::size_t> LadderPolicy::point_to_try() const {
  if (point_ == 0 || bits(point_ - 1) >= refusal_.from) return std::nullopt;
  const auto progress = sending_.over(window_);
  const double growth = bits(point_ - 1) / bits();
  if (progress && progress->busy() * growth > saturated_share) return std::nullopt;
  return point_ - 1;
}

// The link has changed since this point was settled or finer ones were refused; lower bounds do not
// show that by themselves.
bool LadderPolicy::link_changed(const LinkReadings::Estimate& whole, double frames_room,
                                bool telling) {
  // Frames are sent clearly faster.
  const bool faster =
      settled_frames_room_ > 0 && frames_room >= frames_margin * settled_frames_room_;
  // Bursts saturated it, and no longer do.
  const bool emptier = settled_ && bursts_fill_ && !whole.filled;
  return faster || emptier || forgotten(telling);
}

// Nothing was measured for long, and small frames are no evidence. Twice as long the next time.
bool LadderPolicy::forgotten(bool telling) {
  if (telling || now_.time_s - measured_s_ < forget_after_s_) return false;
  forget_after_s_ *= 2;
  return true;
}

double LadderPolicy::room_of_frames() const {
  const auto progress = sending_.over(std::min(window_, dozen * 2));
  return progress && progress->sending_s > 0 ? bits() * progress->link_rate() / rate_ : 0;
}

std::unique_ptr<LinkPolicy> make_ladder_policy(const ControllerOptions& options) {
  return std::make_unique<LadderPolicy>(options);
}

}  // namespace quantring
