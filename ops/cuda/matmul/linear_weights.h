#pragma once
// A linear layer in device memory.

#include "ops/backend.h"
#include "ops/cuda/device/memory.h"
#include "ops/tensor.h"

namespace quantring::cuda {

// y = alpha * (x W^T) + b. alpha is 1 but for LayerScale folded into f16 weights, which would fall
// below what f16 can hold: then the weights are larger by a power of two and alpha is its inverse.
//
// A layer behind a norm (norm_linear) is folded, but for f32: its weights are W * gamma and its
// bias is b + W beta, so that the norm before it has neither, and
//   y = rstd * alpha * (x W^T - mean * weight_sums) + b
// for the raw x of a row with that mean and 1 / standard deviation.
struct DeviceLinear : LinearWeights {
  std::int64_t in = 0, out = 0;
  DType dtype = DType::f16;  // of weights and bias_16
  float alpha = 1;
  DeviceMemory<> weights;               // [out, in], row-major, of dtype
  DeviceMemory<float> bias;             // [out]; empty for none
  DeviceMemory<std::uint16_t> bias_16;  // the same in f16 or bf16; empty for none and in f32
  DeviceMemory<float> weight_sums;      // [out], of a folded layer's weights as they are stored

  bool folded() const { return weight_sums.get() != nullptr; }
};

}  // namespace quantring::cuda
