#pragma once
// Readings of the bandwidth meters of a ring under load.

#include <cstddef>
#include <vector>

#include "apps/doctor/ring_probe.h"
#include "net/wire/stats.h"

namespace quantring::apps {

class LinkReadings {
 public:
  explicit LinkReadings(std::size_t links) : links_(links) {}

  void add(const net::RingStats& stats);
  bool enough() const;  // of every link

  // idle: counters from before the load, for the round trips.
  std::vector<LinkProbe> links(const net::RingStats& idle) const;

 private:
  struct Link {
    std::vector<double> measured;  // bits/s; consecutive equal readings are one
    double at_least = 0;
  };
  std::vector<Link> links_;
};

}  // namespace quantring::apps
