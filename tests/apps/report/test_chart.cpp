// Charts are well-formed XML, with every element at the right coordinates.

#include "apps/report/chart.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "apps/report/chart_scale.h"
#include "tests/apps/report/xml.h"

using namespace quantring;
using apps::Chart;
using apps::ChartAxis;
using apps::ChartScale;
using apps::ChartSeries;
using apps::make_scale;
using test::Xml;
using test::XmlElement;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
using Texts = std::vector<std::string>;

ChartAxis axis(bool logarithmic = false, std::optional<double> low = {},
               std::optional<double> high = {}) {
  return {"", logarithmic, low, high};
}

Chart one_panel(std::vector<ChartSeries> series) {
  Chart chart;
  chart.panels.push_back({axis(), std::move(series)});
  return chart;
}

// Path data of the lines in the plots, without the legend.
Texts lines_of(const Xml& xml) {
  Texts lines;
  for (const XmlElement& path : xml.all("path")) {
    if (path.depth == 2) lines.push_back(path.attributes.at("d"));
  }
  return lines;
}

Xml drawn(const Chart& chart) {
  Xml xml(apps::chart_svg(chart));
  CHECK(xml.wrong == "");
  return xml;
}

}  // namespace

TEST_CASE("a linear axis has round ticks") {
  const ChartScale scale = make_scale(axis(), {3, 97});
  CHECK(scale.low == 0);
  CHECK(scale.high == 100);
  CHECK(scale.labels == Texts{"0", "20", "40", "60", "80", "100"});
  CHECK(make_scale(axis(), {-0.31, 0.18}).labels ==
        Texts{"-0.4", "-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2"});
  CHECK(make_scale(axis(), {0, 23456}).labels == Texts{"0", "5k", "10k", "15k", "20k", "25k"});
  CHECK(make_scale(axis(), {0, 5000}).labels == Texts{"0", "1000", "2000", "3000", "4000", "5000"});
  CHECK(scale.fraction(25) == doctest::Approx(0.25));
  CHECK(scale.fraction(-100) == doctest::Approx(-1));
}

TEST_CASE("an axis keeps its given bounds") {
  const ChartScale scale = make_scale(axis(false, 1.5, 8.5), {0, 100});
  CHECK(scale.low == 1.5);
  CHECK(scale.high == 8.5);
  CHECK(scale.labels == Texts{"2", "3", "4", "5", "6", "7", "8"});
  CHECK(make_scale(axis(false, 0.0), {70, 76}).low == 0);
  CHECK_THROWS_AS(make_scale(axis(false, 2, 2), {}), std::invalid_argument);
  CHECK_THROWS_AS(make_scale(axis(true, 0.0, 2), {}), std::invalid_argument);
  CHECK_THROWS_AS(make_scale(axis(false, nan_value, 2), {}), std::invalid_argument);
}

TEST_CASE("a logarithmic axis has powers of ten, and ticks between them over few decades") {
  const ChartScale scale = make_scale(axis(true), {9456, 151296});
  CHECK(scale.low == 5000);
  CHECK(scale.high == 200000);
  CHECK(scale.labels == Texts{"5k", "10k", "20k", "50k", "100k", "200k"});
  CHECK(scale.fraction(std::sqrt(5000.0 * 200000.0)) == doctest::Approx(0.5));
  CHECK(make_scale(axis(true), {0.001, 100}).labels ==
        Texts{"0.001", "0.01", "0.1", "1", "10", "100"});
  CHECK(make_scale(axis(true), {20, 50}).labels == Texts{"20", "30", "40", "50"});
  const ChartScale wide = make_scale(axis(true), {1e-12, 1e12});
  CHECK(wide.ticks.size() >= 4);
  CHECK(wide.ticks.size() <= 10);
  // Values that cannot be drawn do not affect the range.
  CHECK(make_scale(axis(true), {-5, 0, 10, 1000}).low == 10);
  CHECK_FALSE(scale.has(0));
  CHECK_FALSE(scale.has(-1));
  CHECK(make_scale(axis(), {}).has(0));
}

TEST_CASE("an axis for one value, no value and non-finite values") {
  for (const bool logarithmic : {false, true}) {
    for (const std::vector<double>& values :
         {std::vector<double>{}, {32}, {32, 32}, {nan_value, infinity}, {1e-9, 1e-9}, {1e15}}) {
      const ChartScale scale = make_scale(axis(logarithmic), values);
      CHECK(scale.low < scale.high);
      CHECK(scale.ticks.size() >= 2);
      CHECK(scale.ticks.size() == scale.labels.size());
      for (const double tick : scale.ticks) {
        CHECK(tick >= scale.low * (1 - 1e-9) - 1e-12);
        CHECK(tick <= scale.high * (1 + 1e-9) + 1e-12);
      }
    }
  }
  const ChartScale zero = make_scale(axis(), {0});
  CHECK(zero.low <= 0);
  CHECK(zero.high > 0);
  CHECK(make_scale(axis(false, 50.0), {3}).high > 50);  // all data below the given bound
  CHECK(make_scale(axis(false, {}, -2.0), {3}).low < -2);
}

TEST_CASE("a chart shows its titles, labels, lines, marks and dividers") {
  Chart chart = one_panel({{"ptq", {0, 50, 100}, {0, 5, 10}, true, false, false},
                           {"fp32", {0, 100}, {10, 10}, false, false, true}});
  chart.title = "Accuracy";
  chart.x.title = "bytes";
  chart.panels[0].y.title = "top-1, %";
  chart.dividers = {25, nan_value};
  const Xml xml = drawn(chart);
  CHECK(xml.elements[0].name == "svg");
  CHECK(xml.elements[0].attributes.at("xmlns") == "http://www.w3.org/2000/svg");
  Texts texts;
  for (const XmlElement& text : xml.all("text")) texts.push_back(text.text);
  for (const char* expected : {"Accuracy", "bytes", "top-1, %", "ptq", "fp32", "0", "100", "10"}) {
    CAPTURE(expected);
    CHECK(std::find(texts.begin(), texts.end(), expected) != texts.end());
  }
  // The plot is 560 wide and 330 high; y runs down.
  CHECK(lines_of(xml) == Texts{"M0.00 330.00L280.00 165.00L560.00 0.00", "M0.00 0.00L560.00 0.00"});
  CHECK(xml.all("circle").size() == 3 + 1);  // and one in the legend
  CHECK(xml.all("line").size() == 1);        // the NaN divider is not drawn
  // Light and dark theme, no external resources.
  const std::string svg = apps::chart_svg(chart);
  CHECK(svg.find("prefers-color-scheme: dark") != std::string::npos);
  for (const char* foreign : {"<script", "href", "@import", "url("})
    CHECK(svg.find(foreign) == std::string::npos);
}

TEST_CASE("steps hold their value, and non-finite values break a line") {
  const std::vector<double> x = {0, 1, 2, 3, 4}, y = {0, 10, nan_value, 10, 0};
  ChartSeries series{"", x, y};
  CHECK(lines_of(drawn(one_panel({series}))) ==
        Texts{"M0.00 330.00L140.00 0.00M420.00 0.00L560.00 330.00"});
  series.steps = true;
  CHECK(lines_of(drawn(one_panel({series}))) ==
        Texts{"M0.00 330.00H140.00V0.00H280.00M420.00 0.00H560.00V330.00"});
  // A single point is a dot.
  series = {"", {0, 1, 2}, {0, nan_value, 10}};
  CHECK(lines_of(drawn(one_panel({series}))) == Texts{"M0.00 330.00h0M560.00 0.00h0"});
  series = {"", {nan_value, infinity}, {1, 2}};
  CHECK(lines_of(drawn(one_panel({series}))).empty());
}

TEST_CASE("panels share the x axis and the colour per name") {
  Chart chart;
  chart.panels = {{axis(), {{"fixed", {0, 1}, {1, 2}}, {"ring", {0, 10}, {1, 2}}}},
                  {axis(true), {{"ring", {0, 10}, {1, 1000}}}}};
  const Xml xml = drawn(chart);
  std::map<std::string, int> ring;  // class -> lines
  for (const XmlElement& path : xml.all("path")) {
    if (path.depth == 2) ++ring[path.attributes.at("class")];
  }
  CHECK(ring == std::map<std::string, int>{{"line c0", 1}, {"line c1", 2}});
  // At 10 % of the width, because the other panel goes to 10.
  CHECK(lines_of(xml)[0].find("L56.00 ") != std::string::npos);
  CHECK(xml.all("svg").size() == 1 + 2);  // the picture and two plots
}

TEST_CASE("names are escaped") {
  Chart chart = one_panel({{"a<b> & \"c\" \x01\xff\xc3\xa9\xed\xa0\x80", {0, 1}, {0, 1}}});
  chart.title = "</title>&amp;";
  const Xml xml = drawn(chart);
  CHECK(xml.all("title")[0].text == "</title>&amp;");
  const std::string replacement = "\xef\xbf\xbd";
  CHECK(xml.all("text").back().text.find("1") != std::string::npos);
  bool found = false;
  for (const XmlElement& text : xml.all("text")) {
    found |= text.text == "a<b> & \"c\" " + replacement + replacement + "\xc3\xa9" + replacement +
                              replacement + replacement;
  }
  CHECK(found);
}

TEST_CASE("values far outside the axis are clamped") {
  Chart chart = one_panel({{"", {0, 1}, {-1e300, 1e300}}});
  chart.panels[0].y = axis(false, 0, 1);
  CHECK(lines_of(drawn(chart)) == Texts{"M0.00 100000.00L560.00 -100000.00"});
}

TEST_CASE("an empty chart is valid; x and y of different lengths are refused") {
  drawn(Chart{});
  drawn(one_panel({}));
  CHECK_THROWS_AS(apps::chart_svg(one_panel({{"", {1, 2}, {1}}})), std::invalid_argument);
}
