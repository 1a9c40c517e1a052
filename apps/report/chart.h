#pragma once
// Line charts as SVG text: self-contained, no script, no external font, for light and dark themes.

#include <optional>
#include <string>
#include <vector>

namespace quantring::apps {

struct ChartSeries {
  std::string name;
  std::vector<double> x, y;  // same length; a non-finite y breaks the line
  bool marks = false;        // a dot at each point
  bool steps = false;        // y holds until the next x
  bool dashed = false;
};

struct ChartAxis {
  std::string title;
  bool logarithmic = false;
  std::optional<double> low, high;  // default: the data's range, rounded outwards
};

// Panels are stacked and share the x axis.
struct ChartPanel {
  ChartAxis y;
  std::vector<ChartSeries> series;
};

struct Chart {
  std::string title;
  ChartAxis x;
  std::vector<ChartPanel> panels;
  std::vector<double> dividers;  // vertical lines through all panels, at these x
};

// Throws std::invalid_argument for a series whose x and y differ in length, or an axis with
// low >= high.
std::string chart_svg(const Chart& chart);

}  // namespace quantring::apps
