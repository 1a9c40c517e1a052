#pragma once
// From sums to y: scale, bias, activation or residual, one rounding, stores of four elements.

#include "ops/cuda/mma/mma_product.h"
#include "ops/cuda/number.h"

namespace quantring::cuda::mma {

// x * Phi(x) within 4e-7: erfc by Abramowitz & Stegun 7.1.26, whose form avoids cancellation in
// the left tail.
__device__ inline float gelu_erf(float x) {
  const float z = fabsf(x) * 0.70710678118654752f;
  const float t = __fdividef(1.0f, fmaf(0.3275911f, z, 1.0f));
  float p = fmaf(1.061405429f, t, -1.453152027f);
  p = fmaf(p, t, 1.421413741f);
  p = fmaf(p, t, -0.284496736f);
  p = fmaf(p, t, 0.254829592f);
  const float half_tail = 0.5f * p * t * __expf(-z * z);
  return x * (x < 0 ? half_tail : 1.0f - half_tail);
}

__device__ inline float x_sigmoid(float x, float y) {
  return __fdividef(x, 1.0f + __expf(-y));
}

__device__ inline void activate(Activation activation, float (&v)[4]) {
  if (activation == Activation::none) return;
#pragma unroll
  for (float& x : v) {
    if (activation == Activation::gelu_erf) {
      x = gelu_erf(x);
    } else if (activation == Activation::gelu_tanh) {
      x = x_sigmoid(x, 1.59576912160573071f * fmaf(0.044715f * x * x, x, x));
    } else {
      x = x_sigmoid(x, 1.702f * x);
    }
  }
}

template <class Y>
__device__ inline void store_four(const float (&v)[4], Y* y) {
  if constexpr (sizeof(Y) == 4) {
    *reinterpret_cast<float4*>(y) = make_float4(v[0], v[1], v[2], v[3]);
  } else {
    uint2 bits;
    Y* const elements = reinterpret_cast<Y*>(&bits);
#pragma unroll
    for (int i = 0; i < 4; ++i) elements[i] = from_float<Y>(v[i]);
    *reinterpret_cast<uint2*>(y) = bits;
  }
}

// Four elements of y in memory format, in the first eight or all sixteen bytes.
__device__ inline uint4 load_old(const Product& p, int row, int column) {
  const std::int64_t at = static_cast<std::int64_t>(row) * p.out + column;
  if (p.f32_y) return *reinterpret_cast<const uint4*>(static_cast<const float*>(p.y) + at);
  const uint2 half = *reinterpret_cast<const uint2*>(static_cast<const std::uint16_t*>(p.y) + at);
  return make_uint4(half.x, half.y, 0, 0);
}

// sums: of y[row, column..column+3]; bias: of these columns, zeros for none; old: these elements,
// if y is accumulated and can be read in vectors.
template <class Y>
__device__ inline void finish(const Product& p, int row, int column, float4 sums, float4 bias,
                              uint4 old) {
  float v[4] = {fmaf(p.alpha, sums.x, bias.x), fmaf(p.alpha, sums.y, bias.y),
                fmaf(p.alpha, sums.z, bias.z), fmaf(p.alpha, sums.w, bias.w)};
  activate(p.activation, v);
  Y* const y = static_cast<Y*>(p.y) + static_cast<std::int64_t>(row) * p.out + column;
  if (p.vector_y) {
    if (p.accumulate) {
      const Y* const elements = reinterpret_cast<const Y*>(&old);
#pragma unroll
      for (int i = 0; i < 4; ++i) v[i] += to_float(elements[i]);
    }
    store_four(v, y);
    return;
  }
  for (int i = 0; i < 4 && column + i < p.out; ++i) {
    y[i] = from_float<Y>(p.accumulate ? to_float(y[i]) + v[i] : v[i]);
  }
}

}  // namespace quantring::cuda::mma
