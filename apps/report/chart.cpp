#include "apps/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <stdexcept>
#include <string_view>

#include "apps/report/chart_scale.h"

namespace quantring::apps {
namespace {

// In pixels.
constexpr double left = 68, plot_width = 560, gap = 22, line_height = 17, letter_width = 6.4;
constexpr double legend_gap = 14;    // to the legend
constexpr double sample_width = 26;  // line in the legend
constexpr double overhang = 5;       // so that marks at the edge are not clipped
constexpr double max_offset = 1e5;   // clamp for values far outside the axis
constexpr std::size_t colours = 8;

// Distinguishable with colour blindness, with enough contrast on both backgrounds.
constexpr const char* style = R"(
.chart { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
.chart .paper { fill: #ffffff; }
.chart text { fill: #333333; }
.chart .title { font-size: 15px; font-weight: 600; }
.chart .grid { stroke: #e3e3e3; stroke-width: 1; fill: none; }
.chart .frame { stroke: #8a8a8a; stroke-width: 1; fill: none; }
.chart .divider { stroke: #8a8a8a; stroke-width: 1; stroke-dasharray: 2 3; }
.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.chart .dashed { stroke-dasharray: 6 5; }
.c0 { stroke: #0b62b8; } .c1 { stroke: #c8500a; } .c2 { stroke: #00805c; } .c3 { stroke: #a8278a; }
.c4 { stroke: #8a6a00; } .c5 { stroke: #2f93c9; } .c6 { stroke: #5b4bc4; } .c7 { stroke: #666666; }
.m0 { fill: #0b62b8; } .m1 { fill: #c8500a; } .m2 { fill: #00805c; } .m3 { fill: #a8278a; }
.m4 { fill: #8a6a00; } .m5 { fill: #2f93c9; } .m6 { fill: #5b4bc4; } .m7 { fill: #666666; }
@media (prefers-color-scheme: dark) {
.chart .paper { fill: #15181c; }
.chart text { fill: #d6d6d6; }
.chart .grid { stroke: #30353b; }
.chart .frame, .chart .divider { stroke: #80868d; }
.c0 { stroke: #5aa9f5; } .c1 { stroke: #ff9350; } .c2 { stroke: #3fcf9f; } .c3 { stroke: #ec7fd0; }
.c4 { stroke: #e0bd3c; } .c5 { stroke: #8fd3f7; } .c6 { stroke: #a79bff; } .c7 { stroke: #b5b5b5; }
.m0 { fill: #5aa9f5; } .m1 { fill: #ff9350; } .m2 { fill: #3fcf9f; } .m3 { fill: #ec7fd0; }
.m4 { fill: #e0bd3c; } .m5 { fill: #8fd3f7; } .m6 { fill: #a79bff; } .m7 { fill: #b5b5b5; }
}
)";

// Length in bytes of the UTF-8 character at the front of `text`; 0 if it is invalid or not allowed
// in XML 1.0.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' ? 1 : 0;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  unsigned code = first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr unsigned min_code[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  const bool allowed = first >= 0xc0 && first < 0xf8 && code >= min_code[size] &&
                       code <= 0x10ffff && !surrogate && (code & 0xfffe) != 0xfffe;
  return allowed ? size : 0;
}

// For untrusted text: what XML cannot represent becomes U+FFFD.
std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    if (text[0] == '&') {
      result += "&amp;";
    } else if (text[0] == '<') {
      result += "&lt;";
    } else if (text[0] == '>') {
      result += "&gt;";
    } else if (size == 0) {
      result += "\xef\xbf\xbd";
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return result;
}

double text_width(std::string_view text) {
  // Without UTF-8 continuation bytes.
  const auto letters = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  return letter_width * static_cast<double>(letters);
}

struct Panel {
  const ChartPanel* content;
  ChartScale y;
  double top, height;
};

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart) {
    collect();
    lay_out();
  }

  std::string svg() {
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\">\n<title>{2}</title>\n<style>{3}"
        "</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n",
        width_, height_, escaped(chart_.title), style);
    if (!chart_.title.empty()) text(left, 24, "start", chart_.title, " class=\"title\"");
    for (const Panel& panel : panels_) draw(panel);
    draw_x_labels();
    return out_ + "</svg>\n";
  }

 private:
  void collect() {
    std::vector<double> xs = chart_.dividers;
    for (const ChartPanel& panel : chart_.panels) {
      std::vector<double> ys;
      for (const ChartSeries& series : panel.series) {
        if (series.x.size() != series.y.size())
          throw std::invalid_argument("chart series '" + series.name +
                                      "': x and y differ in length");
        xs.insert(xs.end(), series.x.begin(), series.x.end());
        ys.insert(ys.end(), series.y.begin(), series.y.end());
        // One colour per name, in all panels.
        colour_.try_emplace(series.name, colour_.size() % colours);
      }
      panels_.push_back({&panel, make_scale(panel.y, ys), 0, 0});
    }
    x_ = make_scale(chart_.x, xs);
  }

  void lay_out() {
    const std::size_t count = panels_.size();
    const double default_height = count <= 1 ? 330 : count == 2 ? 210 : 160;
    double legend_width = 0, top = chart_.title.empty() ? 16 : 42;
    for (Panel& panel : panels_) {
      double rows = 0;
      for (const ChartSeries& series : panel.content->series) {
        if (series.name.empty()) continue;
        legend_width = std::max(legend_width, sample_width + 8 + text_width(series.name));
        ++rows;
      }
      panel.top = top;
      panel.height = std::max(default_height, rows * line_height);
      top += panel.height + gap;
    }
    bottom_ = top - gap;
    height_ = bottom_ + (chart_.x.title.empty() ? 30 : 48);
    width_ = left + plot_width + 16 + (legend_width > 0 ? legend_gap + legend_width : 0);
  }

  double x_of(double value) const {
    return std::clamp(x_.fraction(value) * plot_width, -max_offset, max_offset);
  }
  static double y_of(const Panel& panel, double value) {
    return std::clamp((1 - panel.y.fraction(value)) * panel.height, -max_offset, max_offset);
  }

  void text(double x, double y, const char* anchor, std::string_view content,
            std::string_view more = "") {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                        anchor, more, escaped(content));
  }

  void draw(const Panel& panel) {
    std::string grid;
    for (const double tick : x_.ticks)
      grid += fmt::format("M{:.1f} {:.1f}v{:.1f}", left + x_of(tick), panel.top, panel.height);
    for (std::size_t i = 0; i < panel.y.ticks.size(); ++i) {
      const double y = panel.top + y_of(panel, panel.y.ticks[i]);
      grid += fmt::format("M{:.1f} {:.1f}h{:.1f}", left, y, plot_width);
      text(left - 7, y + 4, "end", panel.y.labels[i]);
    }
    out_ += fmt::format("<path class=\"grid\" d=\"{}\"/>\n", grid);
    for (const double divider : chart_.dividers) {
      if (!x_.has(divider)) continue;
      out_ += fmt::format(
          "<line class=\"divider\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" "
          "y2=\"{2:.1f}\"/>\n",
          left + x_of(divider), panel.top, panel.top + panel.height);
    }
    out_ += fmt::format("<path class=\"frame\" d=\"M{:.1f} {:.1f}v{:.1f}h{:.1f}\"/>\n", left,
                        panel.top, panel.height, plot_width);
    const double middle = panel.top + panel.height / 2;
    text(16, middle, "middle", panel.content->y.title,
         fmt::format(" transform=\"rotate(-90 16 {:.1f})\"", middle));
    // A nested svg clips at the axes, and unlike clipPath needs no unique id.
    out_ += fmt::format(
        "<svg x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
        "viewBox=\"{:.1f} {:.1f} {:.1f} {:.1f}\">\n",
        left - overhang, panel.top - overhang, plot_width + 2 * overhang,
        panel.height + 2 * overhang, -overhang, -overhang, plot_width + 2 * overhang,
        panel.height + 2 * overhang);
    for (const ChartSeries& series : panel.content->series) draw(panel, series);
    out_ += "</svg>\n";
    draw_legend(panel);
  }

  void draw(const Panel& panel, const ChartSeries& series) {
    std::string path, marks;
    std::size_t in_run = 0;  // points since the line was last broken
    double held = 0;         // y before this point
    for (std::size_t i = 0; i <= series.x.size(); ++i) {
      const bool has_x = i < series.x.size() && x_.has(series.x[i]);
      if (!has_x || !panel.y.has(series.y[i])) {
        if (has_x && in_run > 0 && series.steps) path += fmt::format("H{:.2f}", x_of(series.x[i]));
        if (in_run == 1) path += "h0";  // a dot, with round ends
        in_run = 0;
        continue;
      }
      const double x = x_of(series.x[i]), y = y_of(panel, series.y[i]);
      if (in_run > 0 && series.steps) path += fmt::format("H{:.2f}", x);
      if (in_run > 0 && series.steps && y != held) path += fmt::format("V{:.2f}", y);
      if (in_run == 0 || !series.steps)
        path += fmt::format("{}{:.2f} {:.2f}", in_run > 0 ? 'L' : 'M', x, y);
      if (series.marks)
        marks += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"3.2\"/>", x, y);
      held = y;
      ++in_run;
    }
    const std::size_t colour = colour_.at(series.name);
    if (!path.empty()) {
      out_ += fmt::format("<path class=\"line c{}{}\" d=\"{}\"/>\n", colour,
                          series.dashed ? " dashed" : "", path);
    }
    if (!marks.empty()) out_ += fmt::format("<g class=\"m{}\">{}</g>\n", colour, marks);
  }

  void draw_legend(const Panel& panel) {
    const double x = left + plot_width + legend_gap;
    double y = panel.top + 8;
    for (const ChartSeries& series : panel.content->series) {
      if (series.name.empty()) continue;
      const std::size_t colour = colour_.at(series.name);
      out_ += fmt::format("<path class=\"line c{}{}\" d=\"M{:.1f} {:.1f}h{:.1f}\"/>\n", colour,
                          series.dashed ? " dashed" : "", x, y, sample_width - 4);
      if (series.marks) {
        out_ += fmt::format("<circle class=\"m{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\"/>\n",
                            colour, x + sample_width / 2 - 2, y);
      }
      text(x + sample_width + 2, y + 4, "start", series.name);
      y += line_height;
    }
  }

  void draw_x_labels() {
    double end = -max_offset;  // of the previous label
    for (std::size_t i = 0; i < x_.ticks.size(); ++i) {
      const double x = left + x_of(x_.ticks[i]), half = text_width(x_.labels[i]) / 2;
      if (x - half < end + 4) continue;  // overlaps the previous label
      text(x, bottom_ + 17, "middle", x_.labels[i]);
      end = x + half;
    }
    if (!chart_.x.title.empty()) {
      text(left + plot_width / 2, bottom_ + 37, "middle", chart_.x.title);
    }
  }

  const Chart& chart_;
  std::map<std::string, std::size_t> colour_;
  std::vector<Panel> panels_;
  ChartScale x_;
  double width_ = 0, height_ = 0, bottom_ = 0;
  std::string out_;
};

}  // namespace

std::string chart_svg(const Chart& chart) {
  return Drawing(chart).svg();
}

}  // namespace quantring::apps
