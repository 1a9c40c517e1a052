#include "apps/doctor/link_readings.h"

#include <algorithm>

namespace quantring::apps {
namespace {

// Only the latest readings are used: the first come from frames that were too short. Three reports
// of a stage take 1.5 s.
constexpr std::size_t max_used = 5, min_needed = 3;

const net::LinkStats& sender_of(const net::RingStats& stats, std::size_t link) {
  return link == 0 ? stats.input : stats.stages[link - 1].output;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void LinkReadings::add(const net::RingStats& stats) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const net::LinkStats& now = sender_of(stats, i);
    Link& link = links_[i];
    if (now.capacity == net::Capacity::at_least) {
      link.at_least = std::max(link.at_least, now.capacity_bps);
    }
    if (now.capacity != net::Capacity::measured) continue;
    if (link.measured.empty() || link.measured.back() != now.capacity_bps) {
      link.measured.push_back(now.capacity_bps);
    }
  }
}

bool LinkReadings::enough() const {
  return std::all_of(links_.begin(), links_.end(),
                     [](const Link& link) { return link.measured.size() >= min_needed; });
}

std::vector<LinkProbe> LinkReadings::links(const net::RingStats& idle) const {
  std::vector<LinkProbe> probes;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const Link& link = links_[i];
    LinkProbe probe;
    probe.rtt_s = sender_of(idle, i).rtt_s;
    if (!link.measured.empty()) {
      const std::size_t count = std::min(max_used, link.measured.size());
      probe.capacity = net::Capacity::measured;
      probe.capacity_bps =
          median({link.measured.end() - static_cast<std::ptrdiff_t>(count), link.measured.end()});
    } else if (link.at_least > 0) {
      probe.capacity = net::Capacity::at_least;
      probe.capacity_bps = link.at_least;
    }
    probes.push_back(probe);
  }
  return probes;
}

}  // namespace quantring::apps
