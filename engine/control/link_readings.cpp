#include "engine/control/link_readings.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

namespace quantring {
namespace {

constexpr std::size_t latest_count = 3;
constexpr std::size_t steady_count = 12;
// Measured readings are preferred to bounds when there are enough: a quarter of all.
constexpr std::size_t min_measured = 5;

constexpr double infinity = std::numeric_limits<double>::infinity();

double mean_without(std::vector<double>& values, std::size_t each_side) {
  std::sort(values.begin(), values.end());
  const auto first = values.begin() + static_cast<std::ptrdiff_t>(each_side);
  const auto last = values.end() - static_cast<std::ptrdiff_t>(each_side);
  return std::accumulate(first, last, 0.0) / static_cast<double>(last - first);
}

double mean_of_middle(std::vector<double>& values) {
  return mean_without(values, values.size() / 4);
}

}  // namespace

void LinkReadings::add(Capacity kind, double room, double needed) {
  since_change_.push_back({kind, room});
  if (since_change_.size() > window_) since_change_.pop_front();

  if (kind == Capacity::unknown) {
    latest_.clear();
    measured_.clear();
    return;
  }
  latest_.push_back({kind, room});
  if (latest_.size() > latest_count) latest_.pop_front();

  if (kind == Capacity::measured) {
    measured_.push_back(room);
    if (measured_.size() > steady_count) measured_.pop_front();
  } else if (room >= needed) {
    measured_.clear();
  }
}

std::optional<double> LinkReadings::newest() const {
  if (latest_.size() < 2) return std::nullopt;
  std::vector<double> rooms;
  for (const Reading& reading : latest_)
    rooms.push_back(reading.kind == Capacity::measured ? reading.room : infinity);
  std::sort(rooms.begin(), rooms.end());
  if (rooms[1] == infinity) return std::nullopt;
  return rooms[1];
}

std::optional<double> LinkReadings::steady() const {
  if (measured_.size() < steady_count) return std::nullopt;
  std::vector<double> values(measured_.begin(), measured_.end());
  return mean_without(values, 2);
}

std::optional<LinkReadings::Estimate> LinkReadings::estimate(std::size_t count) const {
  if (count == 0 || since_change_.size() < count) return std::nullopt;
  std::vector<double> measured, bounds;
  for (auto reading = since_change_.end() - static_cast<std::ptrdiff_t>(count);
       reading != since_change_.end(); ++reading) {
    if (reading->kind == Capacity::measured) measured.push_back(reading->room);
    if (reading->kind == Capacity::at_least) bounds.push_back(reading->room);
  }
  const std::size_t known = measured.size() + bounds.size();
  if (4 * known < count) return std::nullopt;

  Estimate estimate;
  estimate.filled = !measured.empty();
  estimate.low = infinity;
  if (measured.size() >= 2) {
    const auto tenth = static_cast<std::ptrdiff_t>(1 + measured.size() / 10);
    std::nth_element(measured.begin(), measured.begin() + tenth, measured.end());
    estimate.low = measured[static_cast<std::size_t>(tenth)];
  }
  const double bound = bounds.empty() ? 0 : mean_of_middle(bounds);
  if (measured.size() >= std::max(std::min(count, min_measured), known / 4)) {
    estimate.room = mean_of_middle(measured);
    // Bounds clearly above the measured values: the link has changed in between.
    estimate.measured = bound <= 1.1 * estimate.room;
  }
  if (!estimate.measured) estimate.room = bound;
  return estimate;
}

}  // namespace quantring
