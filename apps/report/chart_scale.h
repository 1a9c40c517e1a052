#pragma once
// An axis of a chart: its range, and round numbers to mark on it.

#include <string>
#include <vector>

#include "apps/report/chart.h"

namespace quantring::apps {

struct ChartScale {
  bool logarithmic = false;
  double low = 0, high = 1;
  std::vector<double> ticks;        // ascending, within the range
  std::vector<std::string> labels;  // of the ticks: "0.25", "20", "150k"

  // Can it be drawn on this axis? Not so: what is not finite, and on a log axis what is not above
  // 0.
  bool has(double value) const;
  double fraction(double value) const;  // low: 0, high: 1; of a value that it has
};

// values: all that is drawn on the axis; without any the axis goes from 0 (log: 1) to 1 (10), or
// what it says itself. Throws std::invalid_argument if the axis's own bounds are not a range.
ChartScale make_scale(const ChartAxis& axis, const std::vector<double>& values);

}  // namespace quantring::apps
