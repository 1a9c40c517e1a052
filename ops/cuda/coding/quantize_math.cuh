#pragma once
// Common to both methods: warp reductions, codes.

#include "ops/coding/coding_arithmetic.h"
#include "ops/cuda/coding/coding_tile.cuh"

namespace quantring::cuda {

__device__ inline float warp_min(float x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) x = fminf(x, __shfl_xor_sync(all_lanes, x, lane));
  return x;
}
__device__ inline float warp_max(float x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) x = fmaxf(x, __shfl_xor_sync(all_lanes, x, lane));
  return x;
}
template <class Whole>
__device__ inline Whole warp_sum(Whole x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(all_lanes, x, lane);
  return x;
}
// In the order of token_sum in ops/cpu/coding/error_clip.cpp.
__device__ inline float warp_float_sum(float x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) {
    x = coding::add(x, __shfl_xor_sync(all_lanes, x, lane));
  }
  return x;
}
__device__ inline std::uint64_t warp_min(std::uint64_t x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) {
    const std::uint64_t other = __shfl_xor_sync(all_lanes, x, lane);
    x = other < x ? other : x;
  }
  return x;
}

// ---- codes

template <int bits>
struct Quantizer {
  static constexpr float top = static_cast<float>((1 << bits) - 1);
  GridRange range;
  coding::Extremes limits;
  float inverse;
  bool plain;  // the scale is far from subnormal and from overflow: see code()

  __device__ explicit Quantizer(coding::Extremes clamped)
      : range(coding::grid_range(clamped)), limits(clamped) {
    inverse = __frcp_rn(range.scale);
    plain = range.scale >= 0x1p-80F && range.scale <= 0x1p125F;
  }

  __device__ std::uint32_t code(float x) const {
    float y;
    if (plain) {
      // Clamped first, NaN to the minimum; then (x - offset) / scale, correctly rounded by two
      // corrections with the exact remainder (Markstein 1990).
      x = fminf(fmaxf(x, limits.low), limits.high);
      const float a = __fsub_rn(x, range.offset);
      float q = __fmul_rn(a, inverse);
      q = __fmaf_rn(__fmaf_rn(-q, range.scale, a), inverse, q);
      q = __fmaf_rn(__fmaf_rn(-q, range.scale, a), inverse, q);
      y = __fmul_rn(q, top);
    } else {
      y = __fmul_rn(__fdiv_rn(__fsub_rn(x, range.offset), range.scale), top);
      y = y > 0.0F ? y : 0.0F;
      y = y < top ? y : top;
    }
    return coding::to_bits(__fadd_rn(y, coding::round_unsigned)) & ((1u << bits) - 1);
  }
};

}  // namespace quantring::cuda
