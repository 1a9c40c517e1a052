#pragma once
// The weights of a linear layer in device memory.

#include "ops/backend.h"
#include "ops/cuda/device/memory.h"
#include "ops/tensor.h"

namespace quantring::cuda {

// y = alpha * (x W^T) + b. alpha is 1 except for f16 weights with a folded factor (LayerScale, a
// norm's gamma), which might underflow in f16: they are scaled up by a power of two, and alpha is
// its inverse.
//
// The weights of a NormLinear in 16 bits are folded: they are W * gamma and the bias is b + W beta,
// so that the norm has neither, and
//   y = rstd * alpha * (x W^T - mean * weight_sums) + b
// for the raw x of a row with that mean and 1 / standard deviation.
struct DeviceLinear : LinearWeights {
  std::int64_t in = 0, out = 0;
  DType dtype = DType::f16;  // of weights and bias_16
  float alpha = 1;
  DeviceMemory<> weights;               // [out, in], row-major, of dtype
  DeviceMemory<float> bias;             // [out]; empty for none
  DeviceMemory<std::uint16_t> bias_16;  // the same in f16 or bf16; empty for none and for f32
  DeviceMemory<float> weight_sums;      // [out], row sums of a folded layer's stored weights

  bool folded() const { return weight_sums.get() != nullptr; }
};

}  // namespace quantring::cuda
