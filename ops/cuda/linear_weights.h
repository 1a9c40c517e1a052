#pragma once
// A linear layer in device memory.

#include "ops/backend.h"
#include "ops/cuda/memory.h"
#include "ops/tensor.h"

namespace quantring::cuda {

// y = alpha * (x W^T) + b. alpha is 1 but for LayerScale folded into f16 weights, which would fall
// below what f16 can hold: then the weights are larger by a power of two and alpha is its inverse.
struct DeviceLinear : LinearWeights {
  std::int64_t in = 0, out = 0;
  DType dtype = DType::f16;  // of weights and bias_16
  float alpha = 1;
  DeviceMemory<> weights;               // [out, in], row-major, of dtype
  DeviceMemory<float> bias;             // [out]; empty for none
  DeviceMemory<std::uint16_t> bias_16;  // the same in f16 or bf16; empty for none and in f32
};

}  // namespace quantring::cuda
