#pragma once
// What both ways to quantize compute alike: a warp's reductions, the search of ds-aciq, codes.

#include "ops/coding_arithmetic.h"
#include "ops/cuda/coding_tile.cuh"

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
// The order of additions is that of lane_sum in ops/cpu/clip.cpp.
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

// ---- the search of ds-aciq

// What a lane of every warp holds to try candidates: its column of the rows of points.
struct Search {
  float share[coding::search_rows], distance[coding::search_rows];
  float b0, step;

  // The Laplace's heights at the lane's points; returns the sum over all points.
  __device__ float heights(float b, float (&height)[coding::search_rows]) const {
    const float inverse = coding::divide(1.0F, b);
    float sum = 0;
#pragma unroll
    for (int row = 0; row < coding::search_rows; ++row) {
      height[row] = coding::exp_of_negative(coding::multiply(distance[row], inverse));
      sum = coding::add(sum, height[row]);
    }
    return warp_float_sum(sum);
  }
  __device__ float error(float b) const {
    float height[coding::search_rows];
    const float inverse = coding::divide(1.0F, heights(b, height));
    float sum = 0;
#pragma unroll
    for (int row = 0; row < coding::search_rows; ++row) {
      const float off = coding::subtract(share[row], coding::multiply(height[row], inverse));
      sum = coding::add(sum, coding::multiply(off, off));
    }
    return warp_float_sum(sum);
  }
};

// From the point that is nearest to 0, so that the Laplace is 1 somewhere.
__device__ inline void set_distances(Search& search, float low, float high) {
  const float step = coding::point_step(low, high);
  float nearest = coding::infinity;
#pragma unroll
  for (int row = 0; row < coding::search_rows; ++row) {
    const int i = row * coding::search_lanes + lane_index();
    search.distance[row] = coding::point_distance(i, low, step);
    nearest = fminf(nearest, search.distance[row]);
  }
  nearest = warp_min(nearest);
#pragma unroll
  for (int row = 0; row < coding::search_rows; ++row) {
    search.distance[row] = coding::subtract(search.distance[row], nearest);
  }
}

__device__ inline float searched_clip(const Search& search, std::uint64_t best, float unit,
                                      float factor) {
  if (!(search.b0 > 0.0F)) return coding::no_clip;
  const float b = coding::candidate(search.b0, search.step, static_cast<int>(best & 0xffffffffu));
  return coding::divide(coding::multiply(factor, b), unit);
}

// ---- codes

template <int bits>
struct Quantizer {
  static constexpr float top = static_cast<float>((1 << bits) - 1);
  GridRange range;
  coding::Extremes limits;
  float inverse;
  bool plain;  // neither subnormal nor near the largest float: see code()

  __device__ explicit Quantizer(coding::Extremes clamped)
      : range(coding::grid_range(clamped)), limits(clamped) {
    inverse = __frcp_rn(range.scale);
    plain = range.scale >= 0x1p-80F && range.scale <= 0x1p125F;
  }

  __device__ std::uint32_t code(float x) const {
    float y;
    if (plain) {
      // Clamped first, NaN to the smallest; then (x - offset) / scale, correctly rounded: twice
      // corrected by the exact remainder (Markstein 1990).
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
