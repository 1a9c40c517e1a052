#pragma once
// The number types of a tensor in kernels: converted to float, computed, rounded once.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <stdexcept>

#include "ops/tensor.h"

namespace quantring::cuda {

__device__ inline float to_float(float value) {
  return value;
}
__device__ inline float to_float(__half value) {
  return __half2float(value);
}
__device__ inline float to_float(__nv_bfloat16 value) {
  return __bfloat162float(value);
}

// Rounds to nearest even; beyond f16's range to infinity.
template <class T>
__device__ inline T from_float(float value);
template <>
__device__ inline float from_float<float>(float value) {
  return value;
}
template <>
__device__ inline __half from_float<__half>(float value) {
  return __float2half_rn(value);
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}

// Calls f with a value of the type that dtype names: f(float()), f(__half()) or f(__nv_bfloat16()).
template <class F>
void with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float());
    case DType::f16:
      return f(__half());
    case DType::bf16:
      return f(__nv_bfloat16());
    case DType::u8:
      break;
  }
  throw std::invalid_argument("a CUDA op of dtype u8");
}

}  // namespace quantring::cuda
