#pragma once
// The range of a chart axis and its ticks.

#include <string>
#include <vector>

#include "apps/report/chart.h"

namespace quantring::apps {

struct ChartScale {
  bool logarithmic = false;
  double low = 0, high = 1;
  std::vector<double> ticks;        // ascending, within [low, high]
  std::vector<std::string> labels;  // one per tick: "0.25", "20", "150k"

  // Whether the value can be drawn: finite, and above 0 on a log axis.
  bool has(double value) const;
  double fraction(double value) const;  // 0 at low, 1 at high; requires has(value)
};

// values: everything drawn on the axis. Without values and bounds the range is 0 to 1 (log: 1 to
// 10). Throws std::invalid_argument if the axis's own bounds are not a range.
ChartScale make_scale(const ChartAxis& axis, const std::vector<double>& values);

}  // namespace quantring::apps
