// Clips of values of every kind: constant, not finite, a single outlier, subnormal, huge; and what
// they do not depend on.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "tests/engine/codec/clip_cases.h"
#include "tests/engine/codec/coded_bytes.h"

namespace quantring {
namespace {

using namespace test;

const Clip all_clips[] = {Clip::aciq, Clip::ds_aciq, Clip::ds_aciq_plus};

TEST_CASE("a clip changes exactly by the power of two that the values do") {
  const Values values = with_outliers(normal_values(5000, 0.2, 1.0, 12));
  for (const Clip clip : all_clips) {
    const GridRange range = range_of(values, clip, 3);
    for (const int shift : {-120, -60, 30, 110}) {
      Values scaled = values;
      for (float& x : scaled) x = std::ldexp(x, shift);
      const GridRange other = range_of(scaled, clip, 3);
      CHECK(other.scale == std::ldexp(range.scale, shift));
      CHECK(other.offset == std::ldexp(range.offset, shift));
    }
  }
}

TEST_CASE("the order of values does not matter to aciq, nor to ds-aciq that takes all") {
  Values values = with_outliers(normal_values(3001, -0.3, 2.0, 13));
  values[17] = nan_value;
  Values other = values;
  std::shuffle(other.begin(), other.end(), std::mt19937(1));
  for (const Clip clip : all_clips) {
    if (clip == Clip::ds_aciq_plus) continue;  // it sums in an order that is written down
    const GridRange a = range_of(values, clip, 4), b = range_of(other, clip, 4);
    CHECK(a.scale == b.scale);
    CHECK(a.offset == b.offset);
  }
}

TEST_CASE("values of all kinds: what is decoded is finite and inside the range") {
  const float smallest = std::numeric_limits<float>::denorm_min();
  const float largest = std::numeric_limits<float>::max();
  std::vector<Values> cases{
      Values(65, -3.7F),                         // constant
      Values(65, 0.0F),                          //
      {0.0F, -0.0F},                             //
      {smallest, -smallest, 3 * smallest, 0},    // subnormal
      {nan_value, infinity, -infinity},          // nothing finite
      {nan_value, infinity, -infinity, 2, 3},    //
      {-largest, largest, 0, largest / 4},       // a range wider than a float
      {5, 5, 5, 5, 5, 1e30F},                    // an outlier that hides the rest
      {1e6F, 1e6F, std::nextafter(1e6F, 2e6F)},  // no spread to be seen
      {7},
  };
  cases.push_back(normal_values(777, -50, 1, 14));  // all negative
  for (const Values& values : cases) {
    const TensorShape shape{1, 1, static_cast<std::uint32_t>(values.size())};
    for (const CodecId id : {CodecId::aciq, CodecId::ds_aciq, CodecId::ds_aciq_plus}) {
      for (const int bits : clip_widths) {
        Bytes coded;
        encode(values, shape, {id, static_cast<std::uint8_t>(bits)}, coded);
        const GridRange range = range_at(coded, 0);
        CHECK(std::isfinite(range.scale));
        CHECK(std::isfinite(range.offset));
        CHECK(range.scale >= 0.0F);
        Values back(values.size());
        decode(coded, shape, back);
        const double low = range.offset, high = low + range.scale;
        const double room = 1e-6 * (std::abs(low) + std::abs(high));
        for (const float x : back) CHECK((x >= low - room && x <= high + room));
      }
    }
  }
}

TEST_CASE("a constant comes back exactly, however it would be clipped") {
  for (const Clip clip : all_clips) {
    const GridRange range = range_of(Values(100, 41.5F), clip, 2);
    CHECK(range.scale == 0.0F);
    CHECK(range.offset == 41.5F);
  }
}

TEST_CASE("infinities and NaN are left out of the statistics") {
  Values values = with_outliers(laplace_values(4000, 1.0, 15));
  Values more = values;
  more.insert(more.begin() + 9, {nan_value, infinity, -infinity});
  for (const Clip clip : {Clip::aciq, Clip::ds_aciq}) {
    const GridRange a = range_of(values, clip, 2), b = range_of(more, clip, 2);
    CHECK(a.scale == b.scale);
    CHECK(a.offset == b.offset);
  }
}

TEST_CASE("an image's codes do not depend on its neighbours") {
  const TensorShape three{3, 5, 101}, one{1, 5, 101};
  const Values values = with_outliers(normal_values(three.elements(), 0, 1, 16));
  for (const CodecId id : quantizing_codecs) {
    Bytes all, alone;
    encode(values, three, {id, 3}, all);
    for (std::size_t i = 0; i < 3; ++i) {
      encode(std::span(values).subspan(i * one.elements(), one.elements()), one, {id, 3}, alone);
      CHECK(packed_at(alone, one, 0) == packed_at(all, three, i));
      CHECK(range_at(alone, 0).scale == range_at(all, i).scale);
      CHECK(range_at(alone, 0).offset == range_at(all, i).offset);
    }
  }
}

TEST_CASE("what is not finite counts as 0 to ds-aciq+") {
  Values values = with_outliers(laplace_values(64 * 96, 1.0, 17));
  Values zeros = values;
  for (const std::size_t i : {100, 2000, 2001, 6000}) {
    values[i] = i == 2000 ? nan_value : i == 100 ? infinity : -infinity;
    zeros[i] = 0;
  }
  for (const int bits : clip_widths) {
    const GridRange a = range_of(values, 96, Clip::ds_aciq_plus, bits);
    const GridRange b = range_of(zeros, 96, Clip::ds_aciq_plus, bits);
    CHECK(a.scale == b.scale);
    CHECK(a.offset == b.offset);
  }
}

}  // namespace
}  // namespace quantring
