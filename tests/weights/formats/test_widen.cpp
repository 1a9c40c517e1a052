#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/weights/formats/containers.h"
#include "weights_tools/formats/checkpoint.h"

using namespace quantring::weights;
using namespace quantring::test;

namespace {

// At an odd address, as values may be in a file.
template <class Stored>
std::vector<float> widened(const std::string& dtype, const std::vector<Stored>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(Stored) + 1);
  std::memcpy(bytes.data() + 1, values.data(), bytes.size() - 1);
  return widen(dtype, bytes.data() + 1, bytes.size() - 1);
}

// A float with these numbers of exponent and fraction bits, by the definition of IEEE 754.
float by_definition(unsigned bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const int fraction = static_cast<int>(bits) & ((1 << fraction_bits) - 1);
  const float sign = bits >> (exponent_bits + fraction_bits) != 0 ? -1.0f : 1.0f;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction != 0 ? std::numeric_limits<float>::quiet_NaN()
                         : sign * std::numeric_limits<float>::infinity();
  }
  const int whole = exponent == 0 ? fraction : fraction + (1 << fraction_bits);
  const int power = std::max(exponent, 1) - bias - fraction_bits;
  return sign * std::ldexp(static_cast<float>(whole), power);
}

}  // namespace

TEST_CASE("every f16 and bf16 becomes the f32 of the same value") {
  std::vector<std::uint16_t> all(65536);
  for (unsigned i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  for (const bool half : {true, false}) {
    const std::vector<float> values = widened(half ? "F16" : "BF16", all);
    REQUIRE(values.size() == all.size());
    int wrong = 0;
    for (unsigned i = 0; i < all.size(); ++i) {
      const float expected = half ? by_definition(i, 5, 10) : by_definition(i, 8, 7);
      const bool same = std::isnan(expected) ? std::isnan(values[i])
                                             : std::bit_cast<unsigned>(values[i]) ==
                                                   std::bit_cast<unsigned>(expected);
      wrong += same ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("f32 is copied, f64 is rounded to the nearest") {
  CHECK(widened<float>("F32", {1.5f, -0.1f}) == std::vector<float>{1.5f, -0.1f});
  CHECK(widened<double>("F64", {0.1, 1 + 0x1p-24, 1 + 0x1.8p-23, -2.0}) ==
        std::vector<float>{0.1f, 1, 1 + 0x1p-22f, -2});
  CHECK(widen("F32", nullptr, 0).empty());
}

TEST_CASE("an f64 beyond the range of f32 is an error") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  CHECK(widened<double>("F64", {3.4028234663852886e38, -infinite}) ==
        std::vector<float>{std::numeric_limits<float>::max(),
                           -std::numeric_limits<float>::infinity()});
  CHECK(contains(error_of([&] { widened<double>("F64", {1, -1e39}); }), "too large for f32"));
}

TEST_CASE("other types are errors") {
  for (const char* const dtype : {"I64", "U8", "BOOL", "F8_E4M3", ""}) {
    CHECK(contains(error_of([&] { widened<float>(dtype, {1}); }),
                   std::string("it has ") + dtype + " values"));
  }
}
