#pragma once
// A linear layer's weights from host memory into the device's precision and memory.

#include <memory>

#include "ops/cuda/matmul/linear_weights.h"

namespace quantring::cuda {

// Arguments as Linear's, already checked; dtype: f32, f16 or bf16. Throws Error for weights beyond
// f16's range.
std::unique_ptr<DeviceLinear> pack(ConstTensor weight, ConstTensor bias, ConstTensor scale,
                                   InputNorm norm, DType dtype);

}  // namespace quantring::cuda
