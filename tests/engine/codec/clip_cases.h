#pragma once
// Values for the tests of the clips, and what those tests share.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "engine/codec/codec.h"
#include "ops/cpu/coding/coding.h"

namespace quantring::test {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
inline const int clip_widths[] = {2, 3, 4, 5, 6, 7, 8, 16};

using Values = std::vector<float>;

inline Values normal_values(std::size_t count, double mean, double deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(mean, deviation);
  Values values(count);
  for (auto& value : values) value = static_cast<float>(normal(random));
  return values;
}

inline Values laplace_values(std::size_t count, double b, unsigned seed) {
  std::mt19937 random(seed);
  std::exponential_distribution<double> one_side(1 / b);
  Values values(count);
  for (auto& value : values) {
    const double x = one_side(random);
    value = static_cast<float>(random() % 2 == 0 ? x : -x);
  }
  return values;
}

// As in a residual stream: a few values far larger than the others, on both sides.
inline Values with_outliers(Values values) {
  for (std::size_t i = 5; i < values.size(); i += 701) values[i] = i % 2 == 0 ? 60.0F : -70.0F;
  return values;
}

inline GridRange range_of(const Values& values, std::size_t dim, Clip clip, int bits) {
  return cpu::find_range(values, dim, clip, bits);
}
// The image is one token.
inline GridRange range_of(const Values& values, Clip clip, int bits) {
  return range_of(values, values.size(), clip, bits);
}

}  // namespace quantring::test
