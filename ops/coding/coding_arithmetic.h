#pragma once
// The arithmetic of the quantizing codecs, step by step, for the CPU and CUDA: the same operations
// in the same order give the same bits everywhere. Sums over an image are of integers, whose order
// does not matter, or in a specified order. The clips: ops/coding/coding_clip.h,
// ops/coding/coding_error.h.
//
// Host files that include this are compiled with -ffp-contract=off; device code uses intrinsics
// that are never fused.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "ops/coding/coding.h"

#if defined(__CUDACC__)
#define QUANTRING_HOST_DEVICE __host__ __device__ inline
#else
#define QUANTRING_HOST_DEVICE inline
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
QUANTRING_HOST_DEVICE float add(float a, float b) {
  return a + b;
}
QUANTRING_HOST_DEVICE float subtract(float a, float b) {
  return a - b;
}
QUANTRING_HOST_DEVICE float multiply(float a, float b) {
  return a * b;
}
QUANTRING_HOST_DEVICE float divide(float a, float b) {
  return a / b;
}
QUANTRING_HOST_DEVICE double subtract(double a, double b) {
  return a - b;
}
QUANTRING_HOST_DEVICE double multiply(double a, double b) {
  return a * b;
}
QUANTRING_HOST_DEVICE double divide(double a, double b) {
  return a / b;
}
QUANTRING_HOST_DEVICE double square_root(double a) {
  return std::sqrt(a);
}
QUANTRING_HOST_DEVICE float from_bits(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}
QUANTRING_HOST_DEVICE std::uint32_t to_bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
#endif

inline constexpr float infinity = std::numeric_limits<float>::infinity();
inline constexpr float max_float = std::numeric_limits<float>::max();

QUANTRING_HOST_DEVICE bool is_finite(float value) {
  return (to_bits(value) & 0x7f800000u) != 0x7f800000u;
}
QUANTRING_HOST_DEVICE float magnitude(float value) {
  return from_bits(to_bits(value) & 0x7fffffffu);
}

// Adding 2^23 to 0 <= y < 2^22 rounds y to an integer, half to even, in the low bits of the sum.
// 1.5 * 2^23 does the same for |y| <= 2^22.
inline constexpr float round_unsigned = 8388608.0F;
inline constexpr float round_signed = 12582912.0F;
QUANTRING_HOST_DEVICE std::uint32_t rounded_unsigned(float y) {
  return to_bits(add(y, round_unsigned)) - 0x4b000000u;
}
QUANTRING_HOST_DEVICE std::int32_t rounded_signed(float y) {
  return static_cast<std::int32_t>(to_bits(add(y, round_signed)) - 0x4b400000u);
}

// ---- range

// The smallest and largest finite value of an image; low > high where there is none.
struct Extremes {
  float low = infinity, high = -infinity;
};

QUANTRING_HOST_DEVICE Extremes clamped(Extremes found, float clip) {
  const auto clamp = [clip](float x) { return x > clip ? clip : x < -clip ? -clip : x; };
  return {clamp(found.low), clamp(found.high)};
}

// Where high - low overflows, the range is the widest float around their middle, and values outside
// are clamped to it.
QUANTRING_HOST_DEVICE GridRange grid_range(Extremes found) {
  if (found.low > found.high) return {};
  // Adding +0 turns -0 into +0: which zero a minimum finds depends on the order of the search.
  GridRange range{subtract(found.high, found.low), add(found.low, 0.0F)};
  if (range.scale == 0.0F) range.scale = 0.0F;
  if (!(range.scale < infinity)) {
    range.scale = max_float;
    range.offset = subtract(add(multiply(found.low, 0.5F), multiply(found.high, 0.5F)),
                            multiply(max_float, 0.5F));
  }
  return range;
}

// ---- common to all clips
//
// Statistics are of an image's finite values, at least two of them different, scaled into [-1, 1]
// by a power of two so that nothing overflows and little underflows.

// An image without two different finite values is not clipped, nor one whose spread is below the
// resolution of the fixed-point statistics.
inline constexpr float no_clip = infinity;

QUANTRING_HOST_DEVICE float unit_scale(Extremes found) {
  const float low = magnitude(found.low), high = magnitude(found.high);
  const std::uint32_t exponent = to_bits(low > high ? low : high) >> 23;
  // 2^(126 - exponent); the last two are subnormal.
  return exponent <= 252 ? from_bits((253 - exponent) << 23) : from_bits(1u << (275 - exponent));
}

}  // namespace quantring::coding
