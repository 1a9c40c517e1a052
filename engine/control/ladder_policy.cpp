#include "engine/control/ladder_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/control/decision_text.h"
#include "engine/control/ladder_tuning.h"

namespace quantring {

using namespace ladder_tuning;

namespace {

// An agreement that was computed for this very point must not fail by its rounding.
constexpr double rounding = 1e-6;

std::size_t coarsest_allowed(const Ladder& ladder, double floor) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < ladder.size(); ++i)
    if (ladder[i].agreement >= floor - rounding) last = i;
  return last;
}

std::size_t point_of(const ControllerOptions& options, std::size_t coarsest) {
  for (std::size_t i = 0; i <= coarsest; ++i)
    if (options.ladder[i].codec == options.start) return i;
  for (std::size_t i = 0; i <= coarsest; ++i)
    if (width_bits(options.ladder[i].codec) <= width_bits(options.start)) return i;
  return coarsest;
}

}  // namespace

LadderPolicy::LadderPolicy(const ControllerOptions& options)
    : options_(options),
      floor_(options.floor),
      coarsest_(coarsest_allowed(options.ladder, floor_)),
      point_(point_of(options, coarsest_)),
      window_(static_cast<std::size_t>(options.window)),
      readings_(window_),
      sending_(std::max(window_, dozen)),
      forget_after_s_(ladder_tuning::forget_after_s) {}

double LadderPolicy::bits(std::size_t point) const {
  const CodecSpec codec = options_.ladder[point].codec;
  return bits_per_image(codec, now_.next) * (needs_tables(codec.id) ? size_ratio_ : 1);
}

// The frames that have left tell the size of those that follow.
void LadderPolicy::learn_size() {
  const CodecSpec codec = options_.ladder[point_].codec;
  if (!needs_tables(codec.id)) return;
  auto progress = sending_.over(window_);
  if (!progress) progress = sending_.over(dozen);
  if (!progress) return;
  const double expected = expected_bits(codec, now_.next) / now_.next.images;
  const double ratio = 8 * progress->payload_bytes / progress->images / expected;
  size_ratio_ = std::clamp(ratio, 1 / max_size_ratio, max_size_ratio);
}

std::optional<Decision> LadderPolicy::decide(const LinkObservation& link, std::uint64_t frame) {
  now_ = link;
  frame_ = frame;
  rate_ = target_rate(options_, link);
  sending_.add(link);
  learn_size();
  ++calls_;
  lacking_ = false;
  if (link.capacity == Capacity::measured || calls_ == 1) measured_s_ = link.time_s;
  if (auto decision = obey_floor()) return decision;
  if (rate_ <= 0) return without_rate();
  readings_.add(link.capacity, link.capacity_bps / rate_, bits());
  catch_up();
  if (auto decision = down()) return decision;
  if (auto decision = down_slowly()) return decision;
  if (auto decision = up()) return decision;
  return report_recovered();
}

std::optional<Decision> LadderPolicy::obey_floor() {
  const double floor = now_.floor.value_or(options_.floor);
  if (floor == floor_) return std::nullopt;
  floor_ = floor;
  coarsest_ = coarsest_allowed(options_.ladder, floor_);
  if (point_ <= coarsest_) return std::nullopt;
  return move_to(
      coarsest_, rate_ > 0 ? now_.capacity_bps / rate_ : 0,
      fmt::format("the floor of the ring's agreement leaves this link {:.1f} %", floor_));
}

void LadderPolicy::catch_up() {
  if (!stall_) return;
  const double owed = rate_ * (now_.time_s - stall_->time_s) -
                      (static_cast<double>(now_.images) - static_cast<double>(stall_->images));
  if (owed > 0 && frame_ - stall_->frame < max_catch_up_windows * window_) return;
  stall_.reset();
  settled_ = false;
}

// No target rate is known, and by now it should be. A link that is busy all the time is the
// bottleneck.
std::optional<Decision> LadderPolicy::without_rate() {
  if (begun_s_ < 0) begun_s_ = now_.time_s;
  if (now_.time_s - begun_s_ < rate_wait_s) return std::nullopt;
  const auto progress = sending_.over(dozen);
  if (point_ == coarsest_ || !progress || progress->busy() < saturated_share) return std::nullopt;
  std::size_t to = point_ + 1;
  while (to < coarsest_ && bits(to + 1) * max_growth >= bits()) ++to;
  return move_to(
      to, 0,
      fmt::format("the link is busy all the time at {} images/s, and how fast the stages "
                  "compute is not known yet",
                  three_digits(progress->rate())));
}

std::optional<Decision> LadderPolicy::down() {
  if (!meter_in_doubt()) {
    if (const auto room = readings_.newest(); room && *room < deep * bits())
      return fall(*room, link_carries(*room));
    if (const auto room = readings_.steady();
        room && *room < mild * bits() && !sustains_rate(dozen))
      return fall(*room, link_carries(*room));
  }
  // Whatever the meter reads: the link was busy all the time, and it was not enough. Not before
  // larger frames sent earlier have left the kernel's buffer.
  if (calls_ < 3 * dozen) return std::nullopt;
  const auto progress = sending_.over(dozen);
  if (!progress || progress->busy() < saturated_share || progress->link_rate() >= mild * rate_)
    return std::nullopt;
  const double room = bits() * progress->link_rate() / rate_;
  const auto read = readings_.estimate(std::min(calls_, dozen));
  doubt_ = false;
  auto decision = fall(room, fmt::format("{} is too slow in sending, {} of {} images/s",
                                         codec_text(options_.ladder[point_].codec),
                                         three_digits(progress->link_rate()), three_digits(rate_)));
  // The meter does not contradict the point that was left, so its reading is remembered.
  if (read) refusal_.reading = std::max(room, read->room);
  return decision;
}

std::optional<Decision> LadderPolicy::down_slowly() {
  if (point_ == coarsest_) return std::nullopt;
  if (climbed_ && calls_ == window_ / 2) {
    const auto half = readings_.estimate(window_ / 2);
    if (half && half->measured && !doubt_ && half->room < (1 + keep_headroom) * bits())
      return move_down(half->room, headroom, link_carries(half->room));
  }
  const auto whole = readings_.estimate(window_);
  if (!whole || !whole->measured || doubt_) return std::nullopt;
  const bool enough = settled_ ? whole->room >= bits() || sustains_rate(window_)
                               : whole->room >= (1 + keep_headroom) * bits();
  if (enough) return std::nullopt;
  auto decision = move_down(whole->room, headroom, link_carries(whole->room));
  settled_ = true;
  settled_room_ = whole->room;
  return decision;
}

std::optional<Decision> LadderPolicy::up() {
  const auto whole = readings_.estimate(window_);
  if (!whole) return std::nullopt;
  if (climbed_) patience_ = std::max<std::size_t>(patience_ / 2, 1);
  climbed_ = false;
  const double frames_room = room_of_frames();
  if (whole->measured && whole->room >= deep * bits()) doubt_ = false;
  // While a queue drains the link is saturated, so the later half counts.
  const auto half = readings_.estimate(window_ / 2);
  if (half && half->measured) bursts_fill_ = half->room >= frames_margin * bits();
  if (calls_ < patience_ * window_) return std::nullopt;

  // From the sending of frames, if they are large enough.
  const bool telling = bits() * now_.next.images >= conclusive_frame_bits;
  const double shown = telling ? frames_room / frames_margin : 0;
  const bool contradicted = whole->measured && frames_margin * shown >= contradiction * whole->room;
  const double room = contradicted ? shown : whole->room;
  const double low = contradicted ? shown : whole->low;
  if (settled_ && settled_frames_room_ == 0) settled_frames_room_ = frames_room;
  if (link_changed(*whole, frames_room, telling)) {
    settled_ = false;
    refusal_ = {};
  }
  const double proved = whole->measured ? room : std::max(room, shown);
  if (settled_ && proved < clear_change * settled_room_) return std::nullopt;
  settled_ = false;
  if (proved >= clear_after_refusal * refusal_.reading) refusal_ = {};
  // The window still contains readings from before a rise: the new level is not known yet.
  if (whole->measured && half && half->measured &&
      (half->room > clear_change * whole->room || half->low > clear_change * whole->low))
    return std::nullopt;

  if (const auto finer = finer_that_fits(room, low)) {
    std::size_t to = *finer;
    const bool known = whole->measured && !contradicted;
    const auto too_far = [&](std::size_t point) {
      return bits(point) > max_growth * bits() &&
             !(known && bits(point) * (1 + clear_headroom) <= room);
    };
    while (to + 1 < point_ && too_far(to)) ++to;
    auto decision =
        move_to(to, room,
                fmt::format("room for finer: the link carries {} Mbit/s, {} needs {}",
                            mbits_text(room * rate_), codec_text(options_.ladder[to].codec),
                            mbits_text(bits(to) * rate_)));
    climbed_ = true;
    doubt_ = contradicted;
    settled_ = whole->measured && to == *finer;
    settled_room_ = room;
    return decision;
  }
  if (!whole->measured) {
    if (const auto to = point_to_try()) {
      auto decision = move_to(*to, room,
                              fmt::format("trying finer: {} does not fill the link",
                                          codec_text(options_.ladder[point_].codec)));
      climbed_ = true;
      return decision;
    }
  }
  settled_ = true;
  settled_room_ = room;
  settled_frames_room_ = frames_room;
  return std::nullopt;
}

std::optional<Decision> LadderPolicy::report_recovered() {
  if (!short_ || lacking_) return std::nullopt;
  const auto read = readings_.estimate(dozen);
  const auto progress = sending_.over(window_);
  const bool carried = progress && progress->rate() >= rate_;
  if (!carried && !(read && read->room >= (1 + keep_headroom) * bits())) return std::nullopt;
  short_ = false;
  const double room = read ? read->room : 0;
  return status_update(room, fmt::format("{} images/s at {} again", three_digits(rate_),
                                         codec_text(options_.ladder[point_].codec)));
}

}  // namespace quantring
