#pragma once
// y = x W^T + b and its fused forms: the matrix products of a transformer block.

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

enum class Activation : std::uint8_t {
  none,
  gelu_erf,   // x * Phi(x), exact (Hendrycks & Gimpel 2016)
  gelu_tanh,  // its tanh approximation
};

// Weights made ready for the device once, at load: f32 weights are used where they lie (the memory
// must outlive this object), f16 weights are widened into memory of its own.
class Linear {
 public:
  Linear() = default;
  // weight: [out, in] f32 or f16; bias: [out] f32 or f16, or no data for none.
  Linear(Context& context, ConstTensor weight, ConstTensor bias);

  std::int64_t in() const { return weight_.shape[1]; }
  std::int64_t out() const { return weight_.shape[0]; }
  ConstTensor weight() const { return weight_; }  // [out, in] f32
  ConstTensor bias() const { return bias_; }      // [out] f32, or no data

 private:
  Buffer weight_memory_, bias_memory_;
  ConstTensor weight_, bias_;
};

// y[rows, out] = activation(x[rows, in] W^T + b)
void linear(Context& context, ConstTensor x, const Linear& layer, Activation activation, Tensor y);

// y[rows, out] += x[rows, in] W^T + b        (the residual connection)
void linear_residual(Context& context, ConstTensor x, const Linear& layer, Tensor y);

}  // namespace quantring
