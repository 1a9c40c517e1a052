#pragma once
// What the head asks of every coded link while a ring runs, from the counters of all parts of the
// way (engine/control/ring_target.h), and what holds the ring up.

#include <optional>
#include <string>
#include <vector>

#include "apps/session/ring/watch/way_rates.h"
#include "engine/control/ring_target.h"

namespace quantring {

// The slowest part of a ring.
struct RingLimit {
  std::string part;    // "compute of stage 1", "link 1 -> 2", "the source"; empty: not known yet
  double rate = 0;     // images/s that it carries
  bool coded = false;  // a link at the coarsest point that floor and ladder allow
  bool floor = false;  // coded: the ladder has coarser ones
  double rest = 0;     // coded: images/s that everything else carries; 0: not known
};

class LinkTargets {
 public:
  // links: of all senders, the floor is the ring's. residual: of one image.
  LinkTargets(const ControllerOptions& links, TensorShape residual);

  // source_rate: images/s that arrive at most; 0: not known. pixels: the head's link but for its
  // capacity. now_s: any monotonic clock.
  void update(const net::RingStats& stats, double source_rate, const PixelLink& pixels,
              double now_s);

  // The instruction to all stages when it is to be sent: the first, and one that differs by more
  // than 3 % from the last in two updates in a row.
  std::optional<std::string> news();
  const RingLimit& limit() const { return limit_; }

  // How the head is to code its pixels; nothing: not known yet. A coarser point counts as soon as
  // the other links have what is left to them of the floor (news()).
  std::optional<CodecSpec> pixels() const { return pixels_; }
  // Of the head's link, bits/s; 0: not known.
  double pixels_capacity() const { return rates_.capacity(0); }

 private:
  void consider(double rate, const std::string& part);
  void choose_pixels(const PixelLink& link);

  const ControllerOptions options_;
  const TensorShape residual_;
  WayRates rates_;
  RingTarget target_;
  RingLimit limit_;
  std::optional<CodecSpec> pixels_, wanted_pixels_;
  double begun_s_ = -1;
  std::vector<LinkTarget> sent_;
  int far_ = 0;  // updates in a row that differ from what was sent
};

// Read by the worker of stage `stage` (apps/session/node/adaptive_output.h).
std::string link_targets_json(const std::vector<LinkTarget>& targets);
// The stage's own; nothing when the text has none for it. Throws Error for what is no instruction.
std::optional<LinkTarget> link_target_from_json(const std::string& text, int stage);

}  // namespace quantring
