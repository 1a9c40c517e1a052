#pragma once
// The arithmetic of the quantizing codecs, one step at a time, for the CPU and for CUDA: the same
// operations in the same order give the same bits everywhere. What is added up over an image is
// added as integers, whose order does not matter.
//
// Host files that include this are compiled with -ffp-contract=off; device code says outright that
// products and sums stay apart.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "ops/coding.h"

#if defined(__CUDACC__)
#define QUANTRING_BOTH __host__ __device__ inline
#else
#define QUANTRING_BOTH inline
#endif

namespace quantring::coding {

#if defined(__CUDA_ARCH__)
__device__ inline float add(float a, float b) {
  return __fadd_rn(a, b);
}
__device__ inline float subtract(float a, float b) {
  return __fsub_rn(a, b);
}
__device__ inline float multiply(float a, float b) {
  return __fmul_rn(a, b);
}
__device__ inline float divide(float a, float b) {
  return __fdiv_rn(a, b);
}
__device__ inline double subtract(double a, double b) {
  return __dsub_rn(a, b);
}
__device__ inline double multiply(double a, double b) {
  return __dmul_rn(a, b);
}
__device__ inline double divide(double a, double b) {
  return __ddiv_rn(a, b);
}
__device__ inline double square_root(double a) {
  return __dsqrt_rn(a);
}
__device__ inline float from_bits(std::uint32_t bits) {
  return __uint_as_float(bits);
}
__device__ inline std::uint32_t to_bits(float value) {
  return __float_as_uint(value);
}
#else
QUANTRING_BOTH float add(float a, float b) {
  return a + b;
}
QUANTRING_BOTH float subtract(float a, float b) {
  return a - b;
}
QUANTRING_BOTH float multiply(float a, float b) {
  return a * b;
}
QUANTRING_BOTH float divide(float a, float b) {
  return a / b;
}
QUANTRING_BOTH double subtract(double a, double b) {
  return a - b;
}
QUANTRING_BOTH double multiply(double a, double b) {
  return a * b;
}
QUANTRING_BOTH double divide(double a, double b) {
  return a / b;
}
QUANTRING_BOTH double square_root(double a) {
  return std::sqrt(a);
}
QUANTRING_BOTH float from_bits(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}
QUANTRING_BOTH std::uint32_t to_bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
#endif

inline constexpr float infinity = std::numeric_limits<float>::infinity();
inline constexpr float largest_float = std::numeric_limits<float>::max();

QUANTRING_BOTH bool is_finite(float value) {
  return (to_bits(value) & 0x7f800000u) != 0x7f800000u;
}
QUANTRING_BOTH float magnitude(float value) {
  return from_bits(to_bits(value) & 0x7fffffffu);
}

// Adding 2^23 to 0 <= y < 2^22 leaves no room for a fraction: the sum is rounded to an integer,
// half to even, which stands in its low bits. 1.5 * 2^23 does it for |y| <= 2^22.
inline constexpr float round_unsigned = 8388608.0F;
inline constexpr float round_signed = 12582912.0F;
QUANTRING_BOTH std::uint32_t rounded_unsigned(float y) {
  return to_bits(add(y, round_unsigned)) - 0x4b000000u;
}
QUANTRING_BOTH std::int32_t rounded_signed(float y) {
  return static_cast<std::int32_t>(to_bits(add(y, round_signed)) - 0x4b400000u);
}

// ---- range

// The smallest and largest finite value of an image; low > high where there is none.
struct Extremes {
  float low = infinity, high = -infinity;
};

QUANTRING_BOTH Extremes clamped(Extremes found, float clip) {
  const auto clamp = [clip](float x) { return x > clip ? clip : x < -clip ? -clip : x; };
  return {clamp(found.low), clamp(found.high)};
}

// Where largest - smallest is more than a float holds, the range is the widest one possible around
// their middle, and what lies outside is clamped to it.
QUANTRING_BOTH GridRange grid_range(Extremes found) {
  if (found.low > found.high) return {};
  // Adding +0 turns -0 into +0: which of the two zeros a minimum finds depends on the order of
  // search.
  GridRange range{subtract(found.high, found.low), add(found.low, 0.0F)};
  if (range.scale == 0.0F) range.scale = 0.0F;
  if (!(range.scale < infinity)) {
    range.scale = largest_float;
    range.offset = subtract(add(multiply(found.low, 0.5F), multiply(found.high, 0.5F)),
                            multiply(largest_float, 0.5F));
  }
  return range;
}

// ---- clip
//
// Statistics are over an image's finite values, of which two differ. They are brought into [-1, 1]
// by a power of two, so that nothing overflows and no small value is lost that counts.

// An image without two different finite values is not clipped; nor is one whose spread is too small
// beside its values to be seen in fixed point.
inline constexpr float no_clip = infinity;

QUANTRING_BOTH float unit_scale(Extremes found) {
  const float low = magnitude(found.low), high = magnitude(found.high);
  const std::uint32_t exponent = to_bits(low > high ? low : high) >> 23;
  // 2^(126 - exponent); the last two are subnormal.
  return exponent <= 252 ? from_bits((253 - exponent) << 23) : from_bits(1u << (275 - exponent));
}

// aciq. Values in fixed point of moment_bits(n) fractional bits: n squares fit 64 bits.
QUANTRING_BOTH int moment_bits(std::uint64_t values) {
  int log2 = 0;
  while (log2 < 63 && (std::uint64_t{1} << log2) < values) ++log2;
  return (63 - log2) / 2 < 22 ? (63 - log2) / 2 : 22;
}

struct Moments {
  std::uint64_t count = 0;    // of finite values
  std::int64_t sum = 0;       // of v = rounded_signed(x * unit * 2^fraction)
  std::uint64_t squares = 0;  // of v * v
};

// factor * sqrt(variance / 2)
QUANTRING_BOTH float moment_clip(Moments of, int fraction, float unit, float factor) {
  const double count = static_cast<double>(of.count);
  const double mean = divide(static_cast<double>(of.sum), count);
  const double variance =
      subtract(divide(static_cast<double>(of.squares), count), multiply(mean, mean));
  if (!(variance > 0.0)) return no_clip;
  const double one = static_cast<double>(std::uint64_t{1} << fraction);
  const float b = static_cast<float>(divide(square_root(multiply(variance, 0.5)), one));
  return divide(multiply(factor, b), unit);
}

// ds-aciq: b in b0 + [0, 100] * step, from mean |x| to where the Laplace is as tall as the
// histogram's tallest bin, is the one whose values at 200 points are nearest to the bins.
inline constexpr int histogram_bins = 200;
inline constexpr int search_steps = 100;

// Sums over bins are made by 32 lanes of 7 (lane, lane + 32, ...), then by halves: what a warp
// does.
inline constexpr int search_lanes = 32;
inline constexpr int search_rows = 7;

struct Binning {
  float unit, low, per_unit;  // bin of x: (x * unit - low) * per_unit, cut to an integer below 200
};

QUANTRING_BOTH Binning binning(Extremes found) {
  const float unit = unit_scale(found);
  const float low = multiply(found.low, unit), high = multiply(found.high, unit);
  return {unit, low, divide(static_cast<float>(histogram_bins), subtract(high, low))};
}

// |x * unit| in fixed point
inline constexpr float magnitude_one = 4194304.0F;

QUANTRING_BOTH float mean_magnitude(std::uint64_t sum, std::uint64_t count) {
  return static_cast<float>(
      divide(static_cast<double>(sum), multiply(static_cast<double>(count), 4194304.0)));
}

// Where the Laplace is compared with bin i, of 200 points from low to high: its distance from 0.
// Behind the last bin far away, where the Laplace is 0.
QUANTRING_BOTH float point_step(float low, float high) {
  return divide(subtract(high, low), static_cast<float>(histogram_bins - 1));
}
QUANTRING_BOTH float point_distance(int i, float low, float step) {
  if (i >= histogram_bins) return infinity;
  return magnitude(add(low, multiply(static_cast<float>(i), step)));
}

// e^-t for t >= 0, within 3e-7; 0 from 2^-127 on. Written out since libraries differ in the last
// bit.
QUANTRING_BOTH float exp_of_negative(float t) {
  float y = multiply(t, 1.44269504F);
  y = y < 127.0F ? y : 127.0F;
  const float shifted = add(y, round_unsigned);
  const float r = subtract(subtract(shifted, round_unsigned), y);  // 2^-y = 2^r / 2^rounded
  float p = 0.00133813021F;
  p = add(multiply(p, r), 0.00966636837F);
  p = add(multiply(p, r), 0.0555038117F);
  p = add(multiply(p, r), 0.240223497F);
  p = add(multiply(p, r), 0.693147182F);
  p = add(multiply(p, r), 1.0F);
  return multiply(p, from_bits((127u - (to_bits(shifted) & 0xffu)) << 23));
}

// b of step 1 - b0; sum: of e^(-distance / b0) over the points, tallest: of the bins, as shares.
QUANTRING_BOTH float search_step(float b0, float sum, float tallest) {
  const float ratio = divide(divide(1.0F, sum), tallest);
  return divide(multiply(b0, subtract(ratio, 1.0F)), static_cast<float>(search_steps));
}
QUANTRING_BOTH float candidate(float b0, float step, int i) {
  return add(b0, multiply(static_cast<float>(i), step));
}

// Ordered as (error, i): the smallest key is the best candidate, the first of equals.
QUANTRING_BOTH std::uint64_t search_key(float error, int i) {
  return std::uint64_t{to_bits(error)} << 32 | static_cast<std::uint32_t>(i);
}

// W0(x), the w > 0 for which w e^w = x; x > 3.
inline double lambert_w0(double x) {
  double w = std::log(x) - std::log(std::log(x));
  for (int i = 0; i < 8; ++i) {
    const double e = std::exp(w);
    w -= (w * e - x) / (e * (w + 1));
  }
  return w;
}

// a / b that minimises a Laplace's error on 2^bits values (notes on ACIQ in Banner et al. 2019).
inline float clip_factor(int bits) {
  return static_cast<float>(lambert_w0(3 * std::exp2(2.0 * bits)));
}

}  // namespace quantring::coding
