#pragma once
// Line charts as SVG text: one file, no script, no external font, readable in light and dark.

#include <optional>
#include <string>
#include <vector>

namespace quantring::apps {

struct ChartSeries {
  std::string name;
  std::vector<double> x, y;  // of the same length; a y that is not finite breaks the line
  bool marks = false;        // a dot at every point
  bool steps = false;        // y holds until the next x
  bool dashed = false;
};

struct ChartAxis {
  std::string title;
  bool logarithmic = false;
  std::optional<double> low, high;  // default: from the data, to round numbers
};

// Panels stand above each other and share the x axis.
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

// Throws std::invalid_argument for a series whose x and y differ in length, or an axis that ends
// before it begins. For the file: apps/report/text_file.h.
std::string chart_svg(const Chart& chart);

}  // namespace quantring::apps
