#pragma once
// Readings of a link's bandwidth meter, one per micro-batch, and estimates from them.

#include <cstddef>
#include <deque>
#include <optional>

#include "engine/control/controller.h"

namespace quantring {

// Readings are in available bits per image ("room"): capacity over the target rate. Both are noisy
// and change, and only this ratio matters for the choice.
class LinkReadings {
 public:
  explicit LinkReadings(std::size_t window) : window_(window) {}

  // `needed`: bits per image at the current point.
  void add(Capacity kind, double room, double needed);
  // The point changed: estimate() restarts. newest() and steady() keep the latest readings, since
  // the link is the same.
  void begin_point() { since_change_.clear(); }

  // The second lowest of the last three readings, so that one outlier has no effect. Empty unless
  // two were measured.
  std::optional<double> newest() const;
  // The mean of the last 12, all measured, without the two lowest and highest. Empty when in
  // between the link was idle or carried what was needed without being saturated.
  std::optional<double> steady() const;

  struct Estimate {
    bool measured = false;  // else a lower bound
    bool filled = false;    // some reading was measured
    double room = 0;        // mean without the lowest and highest quarter
    double low = 0;         // about the lowest tenth of the measured; infinite if too few
  };
  // Of the last `count` micro-batches of this point. Empty when there are fewer, or three quarters
  // of them are unknown.
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
