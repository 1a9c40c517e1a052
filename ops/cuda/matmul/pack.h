#pragma once
// Converts a linear layer's weights to the device's precision and copies them to its memory.

#include <memory>

#include "ops/cuda/matmul/linear_weights.h"

namespace quantring::cuda {

// Arguments as in Linear's constructor, already checked; dtype: f32, f16 or bf16. Throws Error for
// weights outside the range of f16.
std::unique_ptr<DeviceLinear> pack(ConstTensor weight, ConstTensor bias, ConstTensor scale,
                                   InputNorm norm, DType dtype);

}  // namespace quantring::cuda
