#pragma once
// The arithmetic of the quantizing codecs, one step at a time, for the CPU and for CUDA: the same
// float32 operations in the same order give the same bits everywhere. What is added up over an
// image is added as integers, whose order does not matter.
//
// Host files that include this are compiled with -ffp-contract=off; device code says outright that
// products and sums stay apart.

#include <bit>
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

// Adding 2^23 to 0 <= y < 2^22 leaves no room for a fraction: the sum is rounded to an integer,
// half to even, which stands in its low bits. 1.5 * 2^23 does it for both signs.
inline constexpr float round_unsigned = 8388608.0F;
inline constexpr float round_signed = 12582912.0F;

// The smallest and largest finite value of an image; low > high where there is none.
struct Extremes {
  float low = infinity, high = -infinity;
};

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

}  // namespace quantring::coding
