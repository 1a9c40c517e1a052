#include "apps/session/ring/watch/way_rates.h"

#include <algorithm>

#include "apps/session/ring/watch/ring_links.h"

namespace quantring {
namespace {

constexpr std::size_t min_reports = 3, max_reports = 11;  // in a median
constexpr std::size_t min_capacities = 2;
constexpr std::size_t max_samples = 5;
// A link that is busy so much of the time is full, whatever the meter makes of it: behind a proxy
// it cannot tell.
constexpr double full = 0.95;
// A lower bound so far above what was measured: the link has become faster.
constexpr double faster = 1.1;

double median(std::deque<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void keep(std::deque<double>& values, double value) {
  values.push_back(value);
  if (values.size() > max_reports) values.pop_front();
}

}  // namespace

void WayRates::update(const net::RingStats& stats, double now_s) {
  const auto links = ring_links(stats);
  stages_.resize(stats.stages.size());
  links_.resize(links.size());
  for (std::size_t i = 0; i < stages_.size(); ++i) add(stages_[i], stats.stages[i]);
  for (std::size_t i = 0; i < links_.size(); ++i) add(links_[i], links[i], now_s);
}

void WayRates::add(Stage& stage, const net::StageStats& now) {
  if (now.images <= stage.images) return;  // no report since, or nothing done
  const double seconds = now.compute_s - stage.compute_s;
  if (seconds > 0) keep(stage.rates, static_cast<double>(now.images - stage.images) / seconds);
  stage.images = now.images;
  stage.compute_s = now.compute_s;
}

void WayRates::add(Link& link, const net::LinkStats& now, double now_s) {
  if (!link.samples.empty() && now.images <= link.samples.back().images) return;
  link.samples.push_back({now_s, now.sending_s, now.wire_bytes, now.images});
  if (link.samples.size() > max_samples) link.samples.pop_front();
  if (now.capacity == net::Capacity::measured) return keep(link.capacities, now.capacity_bps);
  const Sample& first = link.samples.front();
  const double sending = now.sending_s - first.sending_s;
  if (link.samples.size() == max_samples && sending >= full * (now_s - first.time_s)) {
    return keep(link.capacities,
                8 * static_cast<double>(now.wire_bytes - first.wire_bytes) / sending);
  }
  if (now.capacity == net::Capacity::at_least && !link.capacities.empty() &&
      now.capacity_bps > faster * median(link.capacities)) {
    link.capacities.clear();
  }
}

double WayRates::compute_rate() const {
  double slowest = 0;
  for (const Stage& stage : stages_) {
    if (stage.rates.size() < min_reports) return 0;
    const double rate = median(stage.rates);
    if (slowest == 0 || rate < slowest) slowest = rate;
  }
  return slowest;
}

std::size_t WayRates::slowest_stage() const {
  const auto rate = [](const Stage& stage) {
    return stage.rates.empty() ? 0 : median(stage.rates);
  };
  const auto slowest = std::min_element(
      stages_.begin(), stages_.end(),
      [&](const Stage& one, const Stage& other) { return rate(one) < rate(other); });
  return static_cast<std::size_t>(slowest - stages_.begin());
}

double WayRates::capacity(std::size_t link) const {
  if (link >= links_.size() || links_[link].capacities.size() < min_capacities) return 0;
  return median(links_[link].capacities);
}

double WayRates::link_rate(std::size_t link) const {
  const double bps = capacity(link);
  if (bps <= 0) return 0;
  const Sample &first = links_[link].samples.front(), &last = links_[link].samples.back();
  if (last.images <= first.images) return 0;
  const double bits = 8 * static_cast<double>(last.wire_bytes - first.wire_bytes) /
                      static_cast<double>(last.images - first.images);
  return bits > 0 ? bps / bits : 0;
}

}  // namespace quantring
