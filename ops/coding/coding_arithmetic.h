#pragma once
// The arithmetic of the quantizing codecs, one step at a time, for the CPU and for CUDA: the same
// operations in the same order give the same bits everywhere. What is added up over an image is
// added as integers, whose order does not matter, or in an order that is written down. The clips:
// ops/coding/coding_clip.h.
//
// Host files that include this are compiled with -ffp-contract=off; device code says outright that
// products and sums stay apart.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "ops/coding/coding.h"

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

// ---- what every clip starts from
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

}  // namespace quantring::coding
