#pragma once
// The policy ladder: the most accurate operating point whose actual bytes fit.
//
// All comparisons are in bits per image: what the link has room for (capacity over target rate)
// against what an image takes at a point, side information and frame header included. Where that
// depends on the values it is what is expected, times what the frames sent had more or less.
//
// Down, immediately, to the finest point with a margin of 15 % (few readings), or 25 % (see below):
//   two of the last three readings are measured and below 85 % of the need, or the mean of twelve
//   is below 97 %, or the link was busy 95 % of the time and still slower than 97 % of the target.
//   A reading that is only a lower bound (at_least) never lowers the point.
// Down, slowly: a whole window shows less than the need; or, in the first window at a point and
//   half a window after a step up, less than a 5 % margin.
// Up, after a whole window in which the finer point would have fitted with a 10 % margin on
//   average, and without margin in nine of ten readings: at most twice the bytes, or one point, or
//   however far the measured room goes with a margin of 25 %.
//   When the readings are only lower bounds that are too low to decide, one point is tried.
// After a whole window the point is settled: it moves up only if the room has grown by a fifth
// since.
//   This gives hysteresis against noise: a settled point has a 5 % margin, and the mean of a window
//   of readings with errors up to 10 % is within 1 %.
// Images lost to a drop are caught up: while fewer than the target rate have been sent since then,
// a
//   point needs a margin of 25 %; for at most 8 windows, since the stages may be no faster.
// A point that was left is remembered with the reading of the meter, and not tried again before the
//   meter reads 25 % more. A step up that fails within its window doubles the windows before the
//   next, up to 8; one that succeeds halves them.
// A link that was saturated at this point and no longer is, or that carries frames clearly faster,
//   has changed: both memories are dropped. Also when frames are small and nothing was measured for
//   five minutes, the next time ten, twenty ...: seldom enough that a steady link is left alone.
// The floor may change while the link is in use: up to the coarsest point allowed at once.
// The meter may be wrong. If large frames were sent twice as fast as it reads for a window, the
// frames
//   are believed, and then only late frames lower the point.

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
  std::optional<Decision> decide(const LinkObservation& link, std::uint64_t frame) override;

 private:
  // Points of at least `from` bits per image were left at this reading of the meter.
  struct Refusal {
    double from = std::numeric_limits<double>::infinity();
    double reading = 0;
  };

  struct Stall {
    double time_s;
    std::uint64_t images, frame;
  };

  // Bits per image at a point: the unit of all comparisons.
  double bits(std::size_t point) const;
  double bits() const { return bits(point_); }
  void learn_size();

  std::optional<Decision> obey_floor();
  std::optional<Decision> without_rate();
  std::optional<Decision> down();         // immediately
  std::optional<Decision> down_slowly();  // after half a window or a whole one
  std::optional<Decision> up();
  std::optional<Decision> report_recovered();

  std::optional<Decision> fall(double room, const std::string& seen);
  std::optional<Decision> move_down(double room, double headroom, const std::string& seen);
  std::optional<Decision> report_short(double room);
  Decision move_to(std::size_t point, double room, const std::string& cause);
  Decision status_update(double room, const std::string& cause) const;

  void catch_up();

  bool sustains_rate(std::size_t count) const;  // by the frames sent, with a margin
  bool meter_in_doubt() const;  // the reading of the meter is not enough to move down
  std::optional<std::size_t> finer_that_fits(double room, double low) const;
  std::optional<std::size_t> point_to_try() const;
  bool link_changed(const LinkReadings::Estimate& whole, double frames_room, bool telling);
  bool forgotten(bool telling);
  double room_of_frames() const;  // from the sending of frames; 0: unknown
  std::string link_carries(double room) const;
  std::string shortage(double room) const;

  ControllerOptions options_;
  double floor_;
  std::size_t coarsest_;  // allowed by the floor
  std::size_t point_;     // index in the ladder
  std::size_t window_;

  LinkReadings readings_;
  SendingHistory sending_;
  LinkObservation now_;
  double rate_ = 0;        // images/s, the target
  double size_ratio_ = 1;  // real over expected bytes, of codecs whose size depends on the values
  std::uint64_t frame_ = 0;
  std::size_t calls_ = 0;     // micro-batches since the point changed
  bool climbed_ = false;      // moved up, and the first window is not over
  bool bursts_fill_ = false;  // measured for a window although the link was partly idle
  double begun_s_ = -1;       // the first micro-batch without a target rate
  double measured_s_ = 0;     // when the link was last measured
  double forget_after_s_;     // without a measured reading
  std::size_t patience_ = 1;  // windows before the next step up
  Refusal refusal_;
  bool short_ = false;          // of the target rate
  bool lacking_ = false;        // now, by the latest readings
  bool doubt_ = false;          // the meter read less than the frames showed
  std::optional<Stall> stall_;  // not caught up yet
  // After a whole window: only a clear change moves the point.
  bool settled_ = false;
  double settled_room_ = 0, settled_frames_room_ = 0;
};

}  // namespace quantring
