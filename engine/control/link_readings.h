#pragma once
// What the meter of a link said, one reading a micro-batch, and what may be concluded from it.

#include <cstddef>
#include <deque>
#include <optional>

#include "engine/control/controller.h"

namespace quantring {

// Readings are in bits that an image may take: capacity over the target rate. Both are noisy and
// both change, and only this ratio matters for the choice.
class LinkReadings {
 public:
  explicit LinkReadings(std::size_t window) : window_(window) {}

  // `needed`: bits that an image takes at the point now.
  void add(Capacity kind, double room, double needed);
  // The point changed: what estimate() looks at begins anew. The link is the same, so the latest
  // readings go on counting for newest() and steady().
  void begin_point() { since_change_.clear(); }

  // From two of the last three readings, so that one wild reading moves nothing: what is still
  // there if the lower of them are right. Nothing unless both were measured.
  std::optional<double> newest() const;
  // The mean of the last 12, all measured, without the two lowest and highest. Nothing when the
  // link carried what was needed without being filled, or was idle, in between.
  std::optional<double> steady() const;

  struct Estimate {
    bool measured = false;  // else the link showed that it carries this, and it may carry more
    bool filled = false;    // at any time: some reading was measured
    double room = 0;        // mean without the lowest and highest quarter
    double low = 0;         // above all but a tenth of what was measured; infinite if too little
  };
  // Of the last `count` micro-batches of this point. Nothing when there were not so many yet, or
  // three quarters of them are unknown.
  std::optional<Estimate> estimate(std::size_t count) const;

 private:
  struct Reading {
    Capacity kind;
    double room;
  };
  std::size_t window_;
  std::deque<Reading> since_change_;  // the last window_
  std::deque<Reading> latest_;        // 3 in a row, none unknown
  std::deque<double> measured_;       // 12 in a row
};

}  // namespace quantring
