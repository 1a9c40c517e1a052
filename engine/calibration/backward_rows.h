#pragma once
// Gradients of the layers that work on one row or one value at a time. f32, on the CPU.

#include <cstdint>

#include "ops/cpu/thread_pool.h"
#include "ops/linear.h"

namespace quantring {

// Of y = layer_norm(x) with respect to x[rows, dim], given y's. y = (x - mean) / sqrt(var + eps) *
// gamma + beta. Row r of each operand is `stride` values behind row r - 1.
struct NormBackward {
  const float* x;
  const float* gamma;  // [dim]
  float eps;
  std::int64_t rows, dim, stride;
  const float* output_gradient;
  float* input_gradient;  // may be output_gradient, if not `add`
  bool add;               // to what is in input_gradient
};
void layer_norm_backward(ThreadPool& pool, const NormBackward& norm);

// gradient[i] *= activation'(input[i])
void activation_backward(ThreadPool& pool, Activation activation, const float* input,
                         std::int64_t count, float* gradient);

}  // namespace quantring
