// The transform of codec klt against one in double, and what KltTables refuses.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/klt/klt_tables.h"
#include "ops/base/error.h"
#include "tests/support/klt_tables.h"

namespace quantring {
namespace {

const KltShape shapes[] = {{0, 3, 5, 7}, {1, 4, 4, 16}, {5, 6, 2, 33}, {1, 1, 1, 1}, {2, 1, 9, 20}};

// Coefficients in double, straight from the definition: prefix, then patches of all components.
std::vector<double> slow_analysis(const KltTables& t, const std::vector<float>& values) {
  const KltShape& s = t.shape;
  const auto component = [&](std::size_t token, std::size_t i) {
    double sum = 0;
    for (std::size_t d = 0; d < s.dim; ++d) {
      const std::size_t at = token * s.dim + d;
      sum += (static_cast<double>(values[at]) - static_cast<double>(t.mean[at])) *
             static_cast<double>(t.analysis[d * s.dim + i]);
    }
    return sum;
  };
  std::vector<double> result;
  for (std::size_t token = 0; token < s.prefix; ++token)
    for (std::size_t i = 0; i < s.dim; ++i) result.push_back(component(token, i));
  for (std::size_t u = 0; u < s.rows; ++u) {
    for (std::size_t v = 0; v < s.cols; ++v) {
      for (std::size_t i = 0; i < s.dim; ++i) {
        double sum = 0;
        for (std::size_t r = 0; r < s.rows; ++r)
          for (std::size_t c = 0; c < s.cols; ++c)
            sum += static_cast<double>(t.dct_rows[u * s.rows + r]) *
                   static_cast<double>(t.dct_cols[v * s.cols + c]) *
                   component(s.prefix + r * s.cols + c, i);
        result.push_back(sum);
      }
    }
  }
  return result;
}

KltRate whole_rate(const KltTables& tables) {
  KltRate rate;
  rate.components = tables.shape.dim;
  rate.synthesis = tables.synthesis;
  rate.prepare_synthesis(tables.shape.dim);
  return rate;
}

TEST_CASE("coefficients are those of a slow transform, and values come back") {
  for (const KltShape& shape : shapes) {
    CAPTURE(shape.prefix);
    CAPTURE(shape.dim);
    const KltTables tables = test::klt_tables(shape);
    const std::vector<float> values = test::klt_values(tables, 1);
    const std::vector<double> expected = slow_analysis(tables, values);
    std::vector<float> prefix, patches, work, back(values.size());
    tables.analyse(values.data(), shape.dim, prefix, patches, work);
    REQUIRE(prefix.size() + patches.size() == expected.size());
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const float made = i < prefix.size() ? prefix[i] : patches[i - prefix.size()];
      worst = std::max(worst, std::fabs(static_cast<double>(made) - expected[i]));
    }
    // Rows have 14 bits.
    const float largest =
        std::fabs(*std::max_element(values.begin(), values.end(),
                                    [](float a, float b) { return std::fabs(a) < std::fabs(b); }));
    CHECK(worst < largest * 3e-4);
    tables.synthesise(whole_rate(tables), prefix, patches, work, back.data());
    worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      worst = std::max(worst, std::fabs(static_cast<double>(values[i]) - back[i]));
    CHECK(worst < largest * 3e-4);
  }
}

TEST_CASE("the first components are the same bits, however many are asked for") {
  const KltTables tables = test::klt_tables({1, 4, 3, 37});
  const std::vector<float> values = test::klt_values(tables, 1);
  std::vector<float> prefix, all, some, work;
  tables.analyse(values.data(), 37, prefix, all, work);
  for (const std::size_t components : {0U, 1U, 8U, 36U}) {
    tables.analyse(values.data(), components, prefix, some, work);
    REQUIRE(some.size() == 12 * components);
    for (std::size_t i = 0; i < some.size(); ++i)
      REQUIRE(some[i] == all[i / components * 37 + i % components]);
  }
}

TEST_CASE("tables that are not valid are refused") {
  const auto refused = [](auto change) {
    KltTables tables = test::klt_tables({1, 2, 3, 8});
    change(tables, tables.rates[2]);
    CHECK_THROWS_AS(tables.prepare(), Error);
  };
  const float nan = std::nanf("");
  refused([](KltTables& t, KltRate&) { t.mean.pop_back(); });
  refused([nan](KltTables& t, KltRate&) { t.mean[3] = nan; });
  refused([](KltTables& t, KltRate&) { t.analysis.push_back(0); });
  refused([nan](KltTables& t, KltRate&) { t.synthesis[0] = nan; });
  refused([](KltTables& t, KltRate&) { t.dct_rows.pop_back(); });
  refused([nan](KltTables& t, KltRate&) { t.dct_cols[1] = nan; });
  refused([](KltTables& t, KltRate&) { t.bands[0] = klt_bands; });
  refused([](KltTables& t, KltRate&) { t.bands.pop_back(); });
  refused([](KltTables& t, KltRate&) { t.shape.prefix = 2; });
  refused([](KltTables&, KltRate& r) { r.width = 5; });
  refused([](KltTables& t, KltRate& r) { r.width = t.rates[0].width; });  // twice
  refused([](KltTables&, KltRate& r) { r.lanes = 0; });
  refused([](KltTables&, KltRate& r) { r.lanes = 33; });
  refused([](KltTables&, KltRate& r) { r.lanes = 32 * (max_klt_streams + 1); });
  refused([](KltTables&, KltRate& r) { r.components = 9; });
  refused([](KltTables&, KltRate& r) { r.step = 0; });
  refused([](KltTables&, KltRate& r) { r.step = 1e20F; });
  refused([nan](KltTables&, KltRate& r) { r.prefix_step = nan; });
  refused([nan](KltTables&, KltRate& r) { r.points[2] = nan; });
  refused([](KltTables&, KltRate& r) { r.classes[0] = klt_classes; });
  refused([](KltTables&, KltRate& r) { r.prefix_classes.pop_back(); });
  refused([](KltTables&, KltRate& r) { r.thresholds[5] = INFINITY; });
  refused([](KltTables&, KltRate& r) { r.synthesis.pop_back(); });
  refused([](KltTables&, KltRate& r) { ++r.frequencies[0]; });
  refused([](KltTables&, KltRate& r) {
    r.frequencies[0] = static_cast<std::uint16_t>(r.frequencies[0] + r.frequencies[29]);
    r.frequencies[29] = 0;
  });
}

}  // namespace
}  // namespace quantring
