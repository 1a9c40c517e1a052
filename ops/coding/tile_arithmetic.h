#pragma once
// The arithmetic of coding in tiles (ops/coding/tile_coding.h) step by step, as in
// ops/coding/coding_arithmetic.h: the same bits on every machine.

#include <cstdint>

#include "ops/coding/coding_arithmetic.h"
#include "ops/coding/tile_layout.h"
#include "ops/half.h"

namespace quantring::coding {

// Values are cut to this, so that sums are finite. f16 grids do not reach it.
inline constexpr float tile_limit = 0x1p100F;
inline constexpr std::uint16_t largest_half = 0x7bff;

// ---- which units are low

// log2 of 0 < x <= 1 as the series of atanh; finite for 0 and for subnormal x, whose products with
// x round to 0.
inline float log2_of_share(float x) {
  constexpr std::int32_t root_half = 0x3f3504f3;
  const auto bits = static_cast<std::int32_t>(to_bits(x));
  const std::int32_t exponent = (bits - root_half) >> 23;
  const float f =
      subtract(from_bits(static_cast<std::uint32_t>(bits - exponent * (1 << 23))), 1.0F);
  const float s = divide(f, add(f, 2.0F)), z = multiply(s, s);
  float series = multiply(z, 0.32059890F);
  series = multiply(add(series, 0.41219858F), z);
  series = multiply(add(series, 0.57707802F), z);
  series = multiply(add(series, 0.96179669F), z);
  series = multiply(add(series, 2.8853901F), s);
  return add(series, static_cast<float>(exponent));
}

// Sums over a unit's values x >= 0, scaled so that the largest is in [1/2, 1]: of x, and of
// -x log2 x. Fixed point, so that their order does not matter.
struct EntropySums {
  std::uint64_t shares = 0, bits = 0;
};
inline constexpr float entropy_one = 4194304.0F;  // 2^22

inline std::uint32_t entropy_share(float x) {
  return rounded_unsigned(multiply(x, entropy_one));
}
inline std::uint32_t entropy_bits(float x) {
  const float bits = multiply(multiply(x, log2_of_share(x)), -entropy_one);
  return rounded_unsigned(bits > 0.0F ? bits : 0.0F);
}

// Smaller: less entropy, of equal entropies the smaller number first. A unit of zeros has entropy
// 0.
inline std::uint64_t rank_key(EntropySums sums, std::uint32_t unit) {
  double entropy = 0;
  if (sums.shares > 0) {
    int exponent = 0;
    std::uint64_t rest = sums.shares;
    for (; rest > 1; rest >>= 1) ++exponent;
    const double all = static_cast<double>(sums.shares);
    // Within [1/2, 1): a power of two is exact.
    const float share = static_cast<float>(
        multiply(all, 1.0 / static_cast<double>(std::uint64_t{1} << exponent) / 2));
    entropy = static_cast<double>(log2_of_share(share)) + (exponent + 1 - 22) +
              divide(static_cast<double>(sums.bits), all);
  }
  // Coarser than the rounding, so that units of one value each have equal keys.
  const double fixed = multiply(entropy > 0 ? entropy : 0, 1048576.0);
  return static_cast<std::uint64_t>(fixed) << 32 | unit;
}

// ---- rotation

inline bool tile_may_turn(std::uint64_t count) {
  return count >= 2 && (count & (count - 1)) == 0;
}

inline bool tile_turns(float largest, float second, TileRank rank) {
  const float twice = add(second, second);
  return largest > 0.0F && (rank == TileRank::tokens ? largest >= twice : largest > twice);
}

// 1 / sqrt(count) of a power of two up to 64.
inline float turn_factor(std::uint64_t count) {
  float factor = 1.0F;
  for (; count >= 4; count /= 4) factor = multiply(factor, 0.5F);
  return count == 2 ? multiply(factor, 0.70710678F) : factor;
}

// ---- grid

struct TileGrid {
  std::uint16_t offset = 0, step = 0;  // f16
};

inline std::uint16_t finite_half(float value) {
  const std::uint16_t half = float_to_half(value);
  if ((half & 0x7fffu) <= largest_half) return half;
  return static_cast<std::uint16_t>((half & 0x8000u) | largest_half);
}

inline TileGrid tile_grid(Extremes found, int bits) {
  const float top = static_cast<float>((1 << bits) - 1);
  return {finite_half(add(found.low, 0.0F)),
          finite_half(divide(subtract(found.high, found.low), top))};
}

inline std::uint8_t tile_code(float value, float offset, float step, float top) {
  float y = divide(subtract(value, offset), step);
  y = y > 0.0F ? y : 0.0F;
  y = y < top ? y : top;
  return static_cast<std::uint8_t>(rounded_unsigned(y));
}

// The product is exact: fused or not, the sum is the same.
inline float tile_value(std::uint8_t code, float offset, float step) {
  return add(multiply(static_cast<float>(code), step), offset);
}

}  // namespace quantring::coding
