#include "apps/session/ring/compute_rate.h"

#include <algorithm>
#include <cmath>

namespace quantring {
namespace {

constexpr std::size_t min_reports = 3, max_reports = 11;  // in a median
constexpr double min_change = 0.03;

double median(std::deque<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::optional<double> ComputeRate::update(const net::RingStats& stats, double expected_rate) {
  stages_.resize(stats.stages.size());
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const net::StageStats& now = stats.stages[i];
    Stage& stage = stages_[i];
    if (now.images <= stage.images) continue;  // no report since, or nothing done
    const double seconds = now.compute_s - stage.compute_s;
    if (seconds > 0)
      stage.rates.push_back(static_cast<double>(now.images - stage.images) / seconds);
    if (stage.rates.size() > max_reports) stage.rates.pop_front();
    stage.images = now.images;
    stage.compute_s = now.compute_s;
  }
  double rate = current();
  if (expected_rate > 0) rate = std::min(rate, expected_rate);
  far_ = rate > 0 && std::abs(rate - sent_) > min_change * sent_ ? far_ + 1 : 0;
  if (far_ == 0 || (sent_ > 0 && far_ < 2)) return std::nullopt;
  far_ = 0;
  sent_ = rate;
  return rate;
}

double ComputeRate::current() const {
  double slowest = 0;
  for (const Stage& stage : stages_) {
    if (stage.rates.size() < min_reports) return 0;
    const double rate = median(stage.rates);
    if (slowest == 0 || rate < slowest) slowest = rate;
  }
  return slowest;
}

}  // namespace quantring
