#pragma once
// Shared by the tests of ops: random inputs, outputs between sentinels, and a comparison that names
// the worst element.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "ops/tensor.h"

namespace quantring::test {

inline constexpr double half_ulp = 0x1p-24;  // largest relative error of one rounding to float

// Uniform in [-scale, scale], the same for the same seed.
inline std::vector<float> random_values(std::int64_t count, std::uint32_t seed, float scale = 1) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = uniform(generator);
  if (count > 2) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    REQUIRE(*high - *low > 0.1f * scale);
  }
  return values;
}

inline ConstTensor view(const std::vector<float>& values, Shape shape) {
  REQUIRE(shape.elements() == std::ssize(values));
  return {values.data(), DType::f32, shape};
}

// A float output between two runs of sentinels. Initially NaN, so that elements never written are
// detected.
class Output {
 public:
  explicit Output(Shape shape)
      : shape_(shape), memory_(static_cast<std::size_t>(shape.elements()) + 2 * guard, sentinel) {
    std::fill(begin(), begin() + shape.elements(), std::nanf(""));
  }
  Output(Shape shape, const std::vector<float>& start) : Output(shape) {
    REQUIRE(shape.elements() == std::ssize(start));
    std::copy(start.begin(), start.end(), begin());
  }
  Tensor tensor() { return {begin(), DType::f32, shape_}; }
  std::span<const float> values() const {
    return {memory_.data() + guard, memory_.size() - 2 * guard};
  }
  bool guards_intact() const {
    const auto is_sentinel = [](float value) { return value == sentinel; };
    return std::all_of(memory_.begin(), memory_.begin() + guard, is_sentinel) &&
           std::all_of(memory_.end() - guard, memory_.end(), is_sentinel);
  }

 private:
  static constexpr std::ptrdiff_t guard = 64;
  static constexpr float sentinel = -12345.5f;
  float* begin() { return memory_.data() + guard; }
  Shape shape_;
  std::vector<float> memory_;
};

// Every |actual - expected| is at most tolerance(index); not-finite values fail first.
template <class Tolerance>
void check_close(std::span<const float> actual, const std::vector<double>& expected,
                 const Tolerance& tolerance) {
  REQUIRE(actual.size() == expected.size());
  std::size_t worst = 0;
  double worst_ratio = -1;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("element ", i, " of ", actual.size(), ", expected ", expected[i]);
    REQUIRE(std::isfinite(actual[i]));
    const double ratio = std::abs(static_cast<double>(actual[i]) - expected[i]) / tolerance(i);
    if (ratio > worst_ratio) {
      worst_ratio = ratio;
      worst = i;
    }
  }
  if (actual.empty()) return;
  INFO("worst element ", worst, " of ", actual.size(), ": ", actual[worst], ", expected ",
       expected[worst], ", tolerance ", tolerance(worst));
  CHECK(worst_ratio <= 1.0);
}

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace quantring::test
