// The clips of aciq and ds-aciq against the formulas of the papers, written once more and slowly in
// double, and against tables of Lambert's W.
#include <algorithm>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "ops/coding/coding_clip.h"
#include "tests/engine/codec/clip_cases.h"

namespace quantring {
namespace {

using namespace test;

double solved_w(int bits) {  // by bisection: w e^w = 3 * 4^bits
  double low = 0, high = 50;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (middle * std::exp(middle) < 3 * std::pow(4.0, bits) ? low : high) = middle;
  }
  return low;
}

double slow_aciq(const Values& values, int bits) {
  long double sum = 0, squares = 0;
  for (const float x : values) sum += x;
  const long double mean = sum / values.size();
  for (const float x : values) squares += (x - mean) * (x - mean);
  return solved_w(bits) * std::sqrt(static_cast<double>(squares / values.size()) / 2);
}

// What ds-aciq looks at of an image of more than 8192 values.
Values sample_of(const Values& values) {
  if (values.size() <= 8192) return values;
  const double golden = 2654435769.0 / 4294967296.0;
  Values sample;
  for (int j = 0; j < 1024; ++j) {
    double whole;
    const double share = std::modf(j * golden, &whole);
    const auto run = static_cast<std::size_t>(share * static_cast<double>(values.size() / 8));
    for (std::size_t i = 0; i < 8; ++i) sample.push_back(values[run * 8 + i]);
  }
  return sample;
}

// QuantPipe's directed search as in the authors' notes; of all values, or of a sample of them.
struct SlowSearch {
  explicit SlowSearch(const Values& values) : SlowSearch(values, values) {}
  SlowSearch(const Values& values, const Values& sample) {
    const auto count = static_cast<double>(sample.size());
    const double low = *std::min_element(values.begin(), values.end());
    const double high = *std::max_element(values.begin(), values.end());
    for (const float x : sample) {
      const auto bin = static_cast<int>((x - low) / (high - low) * 200);
      share[static_cast<std::size_t>(std::min(bin, 199))] += 1 / count;
      b0 += std::abs(static_cast<double>(x)) / count;
    }
    for (int i = 0; i < 200; ++i) point.push_back(low + i * (high - low) / 199);
    const auto tallest = [](const auto& list) {
      return *std::max_element(list.begin(), list.end());
    };
    const double top_p = tallest(share), top_f = tallest(laplace(b0));
    const double direction = top_p > top_f ? -1 : 1;
    const double b_real = 1 / (2 * top_p), b_fit = 1 / (2 * top_f);
    step = direction * std::abs(b_real - b_fit) / b_fit * b0 / 100;
    for (int i = 0; i <= 100; ++i)
      if (error(b0 + i * step) < error(b)) b = b0 + i * step;
  }
  std::vector<double> laplace(double scale) const {
    std::vector<double> f;
    double sum = 0;
    for (const double x : point) {
      f.push_back(std::exp(-std::abs(x) / scale) / (2 * scale));
      sum += f.back();
    }
    for (double& y : f) y /= sum;
    return f;
  }
  double error(double scale) const {
    if (scale == 0) return infinity;
    const auto f = laplace(scale);
    double sum = 0;
    for (std::size_t i = 0; i < 200; ++i) sum += (share[i] - f[i]) * (share[i] - f[i]);
    return sum / 200;
  }
  std::vector<double> share = std::vector<double>(200), point;
  double b0 = 0, step = 0, b = 0;
};

// Of a tensor that reaches further than the clip on both sides.
double clip_of_range(const GridRange& range) {
  CHECK(range.offset == doctest::Approx(-range.scale / 2).epsilon(1e-6));
  return range.scale / 2.0;
}

TEST_CASE("Lambert's W as tabled for ACIQ") {
  const std::pair<int, double> table[] = {{2, 2.83068}, {3, 3.89723}, {4, 5.02864},  {5, 6.20477},
                                          {6, 7.41313}, {8, 9.89676}, {16, 20.27017}};
  for (const auto& [bits, w] : table) CHECK(std::abs(coding::clip_factor(bits) - w) < 1e-5);
  for (const int bits : clip_widths)
    CHECK(coding::clip_factor(bits) == static_cast<float>(solved_w(bits)));
}

TEST_CASE("e^-t within 3e-7 over its whole range") {
  double worst = 0;
  for (int i = 0; i < 860000; ++i) {
    const float t = static_cast<float>(i) * 1e-4F;
    const double exact = std::exp(-static_cast<double>(t));
    // The argument of the power of two is a float too.
    worst = std::max(worst, std::abs(coding::exp_of_negative(t) - exact) / exact / (1 + t / 2));
  }
  CHECK(worst < 3e-7);
  CHECK(coding::exp_of_negative(0) == 1.0F);
  CHECK(coding::exp_of_negative(1e30F) == 0.0F);
  CHECK(coding::exp_of_negative(infinity) == 0.0F);
}

TEST_CASE("aciq clips at W0 times sqrt(variance / 2)") {
  for (const int bits : {2, 3, 4}) {
    for (const std::size_t count : {1000, 151296}) {
      const Values values = with_outliers(normal_values(count, 0.1, 1.0, 3));
      const double a = clip_of_range(range_of(values, Clip::aciq, bits));
      CHECK(a == doctest::Approx(slow_aciq(values, bits)).epsilon(1e-5));
    }
  }
}

TEST_CASE("ds-aciq finds the b of the slow search") {
  const Values cases[] = {with_outliers(normal_values(20000, 0.0, 1.0, 5)),
                          with_outliers(normal_values(151296, 0.05, 3.0, 6)),
                          with_outliers(laplace_values(20000, 0.7, 7)),
                          laplace_values(151296, 1e-3, 8)};
  for (const Values& values : cases) {
    const SlowSearch slow(values, sample_of(values));
    for (const int bits : {2, 3}) {
      const double b = clip_of_range(range_of(values, Clip::ds_aciq, bits)) / solved_w(bits);
      CAPTURE(slow.b0);
      CAPTURE(slow.b);
      // Neighbouring candidates can have almost the same error: then either may be taken.
      const bool same = std::abs(b - slow.b) < 1e-4 * slow.b;
      const bool as_good = slow.error(b) <= slow.error(slow.b) * 1.0001;
      CHECK((same || as_good));
      CHECK(std::abs(b - slow.b) <= std::abs(slow.step) * 1.01);
    }
  }
}

TEST_CASE("a sample gives the clip of all values within a few percent, whatever is periodic") {
  // Channels of very different size, as in a residual stream; lengths that are powers of two.
  for (const std::size_t dim : {192, 256, 1024}) {
    Values values = normal_values(196 * dim, 0, 1, 21);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] *= 0.3F + static_cast<float>(i % dim % 7) * (i % dim == 5 ? 3.0F : 0.2F);
    values[3] = -40;
    values[9] = 40;
    const double b = clip_of_range(range_of(values, Clip::ds_aciq, 2)) / solved_w(2);
    CAPTURE(dim);
    CHECK(b == doctest::Approx(SlowSearch(values).b).epsilon(0.06));
  }
}

TEST_CASE("the searched Laplace fits the histogram better than the one of mean |x|") {
  for (const unsigned seed : {1, 2, 3}) {
    // More peaked than a Laplace, as the residual stream is.
    Values values = normal_values(60000, 0, 1, seed);
    const Values deviation = normal_values(60000, 0, 0.7, seed + 50);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= std::exp(deviation[i]);
    values[7] = -30;
    values[8] = 30;
    const SlowSearch slow(values);
    const double b = clip_of_range(range_of(values, Clip::ds_aciq, 2)) / solved_w(2);
    CHECK(slow.error(b) < 0.7 * slow.error(slow.b0));
  }
}

double mean_error(const Values& values, CodecSpec spec) {
  std::vector<std::byte> coded;
  const TensorShape shape{1, 1, static_cast<std::uint32_t>(values.size())};
  encode(values, shape, spec, coded);
  Values back(values.size());
  decode(coded, shape, back);
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += std::pow(values[i] - back[i], 2.0);
  return sum / static_cast<double>(values.size());
}

TEST_CASE("clipping pays where values are Laplace") {
  const Values values = laplace_values(100000, 0.5, 11);
  for (const std::uint8_t bits : std::initializer_list<std::uint8_t>{2, 3, 4}) {
    const double ptq = mean_error(values, {CodecId::ptq, bits});
    CHECK(mean_error(values, {CodecId::aciq, bits}) < 0.7 * ptq);
    CHECK(mean_error(values, {CodecId::ds_aciq, bits}) < 0.7 * ptq);
  }
}

}  // namespace
}  // namespace quantring
