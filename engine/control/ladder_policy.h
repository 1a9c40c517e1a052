#pragma once
// The policy ladder: the most accurate operating point whose real bytes fit.
//
// Everything is compared in bits that an image may take, capacity over target rate ("room"), with
// the bits that it does take at a point, side information and frame header too.
//
// Down, at once, to the finest point with 15 % to spare (few readings), or 25 % (see below):
//   two of the last three readings are measured and below 85 % of the need, or the mean of twelve
//   is below 97 %, or the link was busy 95 % of the time and still slower than 97 % of the target.
//   A reading that only bounds (at_least) lowers nothing.
// Down, slowly: a whole window shows less than the need; or, in the first window at a point and
//   half a window after a climb, less than 5 % to spare.
// Up, after a whole window in which the finer point would have fitted with 10 % to spare, on
//   average, and without in nine of ten readings: at most twice the bytes, or one point. When the
//   readings are bounds that do not reach so far, one point is tried.
// Once a whole window was looked at, the point is settled: it goes up only if the room has grown
//   by a fifth since. So noise cannot move it: a point that is kept has 5 % to spare, and the mean
//   of a window of readings that are wrong by up to 10 % is wrong by 1 %.
// Images that a fall cost are made up for: while fewer have left since than the target rate asks
//   for, a point needs 25 % to spare; for at most 8 windows, as the stages may be no faster.
// What was left is remembered with the reading of the meter, and not tried again before it reads
//   25 % more. A climb that fails within its window doubles the windows before the next, up to 8;
//   one that does not halves them.
// A link that bursts filled at this point and no longer do, or that frames cross clearly faster
//   than then, is another link: both memories of it are dropped. So they are when frames are small
//   and nothing was measured for 8 windows, the next time 16, 32 ...
// The meter may be wrong. If large frames crossed twice as fast as it says for a window, they are
//   believed, and then only frames that are late lower the point.

#include <cstddef>
#include <limits>
#include <optional>
#include <string>

#include "engine/control/link_policy.h"
#include "engine/control/link_readings.h"
#include "engine/control/sending_history.h"

namespace quantring {

class LadderPolicy final : public LinkPolicy {
 public:
  explicit LadderPolicy(const ControllerOptions& options);

  CodecSpec start() const override { return options_.ladder[point_].codec; }
  std::optional<Decision> judge(const LinkObservation& link, std::uint64_t frame) override;

 private:
  // Points of at least `from` bits an image were left at this reading of the meter.
  struct Refusal {
    double from = std::numeric_limits<double>::infinity();
    double reading = 0;
  };

  struct Stall {
    double time_s;
    std::uint64_t images, frame;
  };

  // What an image takes at a point, in bits; the unit of all that is compared here.
  double bits(std::size_t point) const;
  double bits() const { return bits(point_); }

  std::optional<Decision> without_rate();
  std::optional<Decision> down();         // at once
  std::optional<Decision> down_slowly();  // when half a window or a whole one has shown it
  std::optional<Decision> up();
  std::optional<Decision> no_longer_short();

  std::optional<Decision> fall(double room, const std::string& seen);
  std::optional<Decision> go_down(double room, double headroom, const std::string& seen);
  std::optional<Decision> stay_short(double room);
  Decision go_to(std::size_t point, double room, const std::string& cause);
  Decision news(double room, const std::string& cause) const;

  void catch_up();

  bool keeps_rate(std::size_t count) const;  // the frames themselves show it, with time to spare
  bool doubted() const;                      // what the meter says now is not enough to go down
  std::optional<std::size_t> finer_that_fits(double room, double low) const;
  std::optional<std::size_t> one_to_try() const;
  bool another_link(const LinkReadings::Estimate& whole, double frames_room, bool telling);
  double room_of_frames() const;  // what their own sending shows; 0 when it shows nothing
  std::string link_carries(double room) const;
  std::string shortage(double room) const;

  ControllerOptions options_;
  std::size_t coarsest_;  // that the floor allows
  std::size_t point_;     // index in the ladder
  std::size_t window_;

  LinkReadings readings_;
  SendingHistory sending_;
  LinkObservation now_;
  double rate_ = 0;  // images/s, the target
  std::uint64_t frame_ = 0;
  std::size_t calls_ = 0;     // micro-batches chosen for since the point changed
  bool climbed_ = false;      // the point is on probation for its first window
  bool bursts_fill_ = false;  // measured for a window, though the link was idle a third of the time
  std::size_t unfilled_ = 0;  // micro-batches since the meter measured
  std::size_t forget_after_ = 8;  // windows of that
  std::size_t patience_ = 1;      // windows before the next climb
  Refusal refusal_;
  bool short_ = false;          // of the target rate
  bool lacking_ = false;        // something shows it now
  bool doubt_ = false;          // the meter said less than the frames showed
  std::optional<Stall> stall_;  // not made up for yet
  // A whole window was looked at: from now on only a clear change moves the point.
  bool settled_ = false;
  double settled_room_ = 0, settled_frames_room_ = 0;
};

}  // namespace quantring
