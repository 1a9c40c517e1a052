// ds-aciq+ against its definition, written once more and slowly in double
// (ops/coding/coding_error.h).
#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "tests/engine/codec/clip_cases.h"

namespace quantring {
namespace {

using namespace test;

// A residual stream: channels of unlike size, tokens of unlike size, and in one token a value far
// larger than all others.
Values residual_stream(std::size_t tokens, std::size_t dim, float massive, unsigned seed) {
  Values values = normal_values(tokens * dim, 0, 0.5, seed);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] *=
        0.6F + static_cast<float>(i % dim % 11) * 0.08F + static_cast<float>(i / dim % 13) * 0.05F;
  if (massive != 0) values[2 * dim + dim / 3] = massive;
  return values;
}

struct Slow {
  Slow(const Values& values, std::size_t dim, int bits) {
    const auto low = std::min_element(values.begin(), values.end());
    const auto high = std::max_element(values.begin(), values.end());
    lowest = *low;
    highest = *high;
    largest = std::max(std::abs(lowest), std::abs(highest));
    const std::size_t tokens = values.size() / dim;
    const auto token_of = [&](auto at) {
      return static_cast<std::size_t>(at - values.begin()) / dim;
    };
    const std::set<std::size_t> extreme{token_of(low), token_of(high)};
    const std::size_t sampled = std::min<std::size_t>(tokens, 8);
    std::vector<std::pair<std::size_t, double>> list;
    for (const std::size_t t : extreme) list.emplace_back(t, 1.0);
    for (std::size_t i = 0; i < sampled; ++i) {
      const std::size_t t = (2 * i + 1) * tokens / (2 * sampled);
      if (extreme.count(t) == 0)
        list.emplace_back(t, static_cast<double>(tokens) / static_cast<double>(sampled));
    }
    for (int k = 0; k < 24; ++k) {
      double error = 0;
      for (const auto& [t, weight] : list) {
        double squares = 0, cubes = 0;
        for (std::size_t i = t * dim; i < (t + 1) * dim; ++i) {
          squares += std::pow(values[i], 2);
          cubes += std::pow(std::abs(values[i] - decoded(values[i], k, bits)), 3);
        }
        const double rms = std::max(std::sqrt(squares / static_cast<double>(dim)), largest / 1024);
        error += weight * std::pow(cubes / static_cast<double>(dim) / std::pow(rms, 3), 2);
      }
      errors.push_back(low_of(k) < high_of(k) ? error : infinity);
    }
  }
  double clip(int k) const { return largest * std::exp2(-k / 4.0); }
  double low_of(int k) const { return std::clamp(lowest, -clip(k), clip(k)); }
  double high_of(int k) const { return std::clamp(highest, -clip(k), clip(k)); }
  double decoded(double x, int k, int bits) const {
    const double top = std::exp2(bits) - 1, range = high_of(k) - low_of(k);
    const double code = std::nearbyint(std::clamp((x - low_of(k)) / range * top, 0.0, top));
    return code / top * range + low_of(k);
  }
  int best() const {
    return static_cast<int>(std::min_element(errors.begin(), errors.end()) - errors.begin());
  }
  // The candidate whose grid it is.
  int candidate_of(const GridRange& range) const {
    int nearest = 0;
    const auto distance = [&](int k) {
      return std::abs(low_of(k) - range.offset) + std::abs(high_of(k) - low_of(k) - range.scale);
    };
    for (int k = 0; k < 24; ++k)
      if (distance(k) < distance(nearest)) nearest = k;
    CHECK(distance(nearest) < 1e-5 * largest);
    return nearest;
  }
  double lowest, highest, largest;
  std::vector<double> errors;
};

TEST_CASE("ds-aciq+ finds the candidate of the slow search") {
  struct Case {
    Values values;
    std::size_t dim;
  };
  const Case cases[] = {{residual_stream(197, 192, 11.5F, 1), 192},
                        {residual_stream(197, 192, 0, 2), 192},
                        {residual_stream(50, 100, -40, 3), 100},  // lanes that are not full
                        {residual_stream(5, 64, 9, 4), 64},       // fewer tokens than are sampled
                        {residual_stream(1, 3001, 0, 5), 3001},   // one token
                        {laplace_values(64 * 96, 2.0, 6), 96},
                        {normal_values(64 * 96, 3, 1, 7), 96},     // hardly anything below 0
                        {normal_values(64 * 96, -50, 1, 8), 96}};  // all below 0
  for (const Case& given : cases) {
    CAPTURE(given.dim);
    CAPTURE(given.values.size());
    for (const int bits : clip_widths) {
      CAPTURE(bits);
      const Slow slow(given.values, given.dim, bits);
      const int found =
          slow.candidate_of(range_of(given.values, given.dim, Clip::ds_aciq_plus, bits));
      CAPTURE(found);
      CAPTURE(slow.best());
      // At 16 bits the rounding of the arithmetic is no longer small beside the error.
      const double room = bits == 16 ? 1.3 : 1.0002;
      CHECK(slow.errors[static_cast<std::size_t>(found)] <=
            room * slow.errors[static_cast<std::size_t>(slow.best())]);
    }
  }
}

TEST_CASE("a massive value is kept where bits are enough, and cut where they are not") {
  const Values values = residual_stream(197, 192, 11.5F, 9);
  const auto highest = [&](Clip clip, int bits) {
    const GridRange range = range_of(values, 192, clip, bits);
    return range.offset + range.scale;
  };
  CHECK(highest(Clip::ds_aciq_plus, 16) == 11.5F);
  CHECK(highest(Clip::ds_aciq_plus, 8) == 11.5F);
  CHECK(highest(Clip::ds_aciq_plus, 4) < 11.5F);
  CHECK(highest(Clip::ds_aciq_plus, 2) < highest(Clip::ds_aciq_plus, 4));
  CHECK(highest(Clip::ds_aciq_plus, 2) < 0.4F * 11.5F);
  // What the guard is for.
  CHECK(highest(Clip::ds_aciq, 8) < 0.6F * 11.5F);
}

TEST_CASE("the guard knows the extremes wherever they stand") {
  for (const std::size_t token : {0, 1, 77, 196}) {
    for (const float sign : {1.0F, -1.0F}) {
      Values values = residual_stream(197, 192, 0, 10);
      values[token * 192 + 191] = 20 * sign;
      const GridRange range = range_of(values, 192, Clip::ds_aciq_plus, 8);
      CHECK((sign > 0 ? range.offset + range.scale : -range.offset) == doctest::Approx(20));
    }
  }
}

// The largest error of a token in units of the token's own size.
double worst_token(const Values& values, std::uint32_t dim, CodecSpec spec) {
  const TensorShape shape{1, static_cast<std::uint32_t>(values.size()) / dim, dim};
  std::vector<std::byte> coded;
  encode(values, shape, spec, coded);
  Values back(values.size());
  decode(coded, shape, back);
  double worst = 0;
  for (std::size_t first = 0; first < values.size(); first += dim) {
    double squares = 0, errors = 0;
    for (std::size_t i = first; i < first + dim; ++i) {
      squares += std::pow(values[i], 2);
      errors += std::pow(values[i] - back[i], 2);
    }
    worst = std::max(worst, errors / squares);
  }
  return worst;
}

TEST_CASE("no token is lost: the worst one is not worse than with the other codecs") {
  const Values values = residual_stream(197, 192, 11.5F, 11);
  for (const std::uint8_t bits : std::initializer_list<std::uint8_t>{3, 4, 5, 6, 8}) {
    CAPTURE(static_cast<int>(bits));
    const double plus = worst_token(values, 192, {CodecId::ds_aciq_plus, bits});
    for (const CodecId other : {CodecId::ptq, CodecId::aciq, CodecId::ds_aciq})
      CHECK(plus <= 1.05 * worst_token(values, 192, {other, bits}));
  }
}

}  // namespace
}  // namespace quantring
