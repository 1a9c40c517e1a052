#include "apps/report/chart_scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace quantring::apps {
namespace {

constexpr double target_steps = 5;

// The largest of 1, 2, 5 times a power of ten that is at most `value`, which is > 0.
double round_down(double value) {
  const double decade = std::pow(10, std::floor(std::log10(value)));
  // With a tolerance: powers of ten below 1 are inexact, and 0.005 must stay 0.005.
  for (const double digit : {5.0, 2.0, 1.0}) {
    if (digit * decade <= value * (1 + 1e-9)) return digit * decade;
  }
  return 0.5 * decade;  // log10 was rounded up
}

double round_up(double value) {
  const double down = round_down(value);
  if (down >= value * (1 - 1e-9)) return down;
  const double decade = std::pow(10, std::floor(std::log10(value)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * decade >= value) return digit * decade;
  }
  return 10 * decade;
}

// With a suffix k, M or G if the axis goes beyond four digits.
std::string number_text(double value, int decimals, double max_value) {
  struct Unit {
    double size;
    const char* suffix;
  };
  constexpr std::array<Unit, 3> units{{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const Unit& unit : units) {
    if (max_value < 1e4 || std::abs(value) < unit.size) continue;
    return fmt::format("{:g}{}", value / unit.size, unit.suffix);
  }
  if (decimals < 0 || decimals > 6) return fmt::format("{:g}", value);
  return fmt::format("{:.{}f}", value, decimals);
}

void mark_linear(const ChartAxis& axis, ChartScale& scale) {
  const double step = round_up((scale.high - scale.low) / target_steps / 1.5);
  if (!axis.low) scale.low = step * std::floor(scale.low / step + 1e-9);
  if (!axis.high) scale.high = step * std::ceil(scale.high / step - 1e-9);
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  const double max_value = std::max(std::abs(scale.low), std::abs(scale.high));
  const double first = std::ceil(scale.low / step - 1e-9);
  for (int i = 0; i < 100; ++i) {
    const double tick = (first + i) * step;
    if (tick > scale.high + 1e-9 * step) break;
    scale.ticks.push_back(tick);
    scale.labels.push_back(number_text(tick == 0 ? 0 : tick, decimals, max_value));
  }
}

void mark_logarithmic(const ChartAxis& axis, ChartScale& scale) {
  if (!axis.low) scale.low = round_down(scale.low);
  if (!axis.high) scale.high = round_up(scale.high);
  const double decades = std::log10(scale.high / scale.low);
  std::vector<int> digits = {1};
  if (decades <= 3.01) digits = {1, 2, 5};
  if (decades <= 1.01) digits = {1, 2, 3, 4, 5, 7};
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  const int first = static_cast<int>(std::floor(std::log10(scale.low)));
  for (int power = first; power <= first + decades + 1; power += stride) {
    for (const int digit : digits) {
      const double tick = digit * std::pow(10, power);
      if (tick < scale.low * (1 - 1e-9) || tick > scale.high * (1 + 1e-9)) continue;
      scale.ticks.push_back(tick);
      scale.labels.push_back(number_text(tick, power >= 0 ? 0 : -power, scale.high));
    }
  }
}

}  // namespace

bool ChartScale::has(double value) const {
  return std::isfinite(value) && (!logarithmic || value > 0);
}

double ChartScale::fraction(double value) const {
  return logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
}

ChartScale make_scale(const ChartAxis& axis, const std::vector<double>& values) {
  ChartScale scale;
  scale.logarithmic = axis.logarithmic;
  bool any = false;
  for (const double value : values) {
    if (!scale.has(value)) continue;
    scale.low = any ? std::min(scale.low, value) : value;
    scale.high = any ? std::max(scale.high, value) : value;
    any = true;
  }
  if (!any) scale.low = axis.logarithmic ? 1 : 0;
  if (!any) scale.high = axis.logarithmic ? 10 : 1;
  scale.low = axis.low.value_or(scale.low);
  scale.high = axis.high.value_or(scale.high);
  if (axis.low && axis.high && !(*axis.low < *axis.high))
    throw std::invalid_argument("a chart axis needs low < high");
  // A single value, or all values beyond the one given bound: widen the range on the free side.
  if (scale.low >= scale.high) {
    const double margin = std::max(0.1 * std::abs(scale.low), 1e-3);
    if (!axis.high) scale.high = axis.logarithmic ? 2 * scale.low : scale.low + margin;
    if (!axis.low) scale.low = axis.logarithmic ? scale.high / 4 : scale.high - 2 * margin;
  }
  if (!scale.has(scale.low) || !scale.has(scale.high))
    throw std::invalid_argument("a chart axis needs finite bounds, above 0 if logarithmic");
  if (axis.logarithmic) {
    mark_logarithmic(axis, scale);
  } else {
    mark_linear(axis, scale);
  }
  return scale;
}

}  // namespace quantring::apps
