#pragma once
// y = x W^T + b and its fused forms: the matrix products of a transformer block.

#include <memory>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

class LinearWeights;  // ops/backend.h

enum class Activation : std::uint8_t {
  none,
  gelu_erf,    // x * Phi(x), exact (Hendrycks & Gimpel 2016)
  gelu_tanh,   // its tanh approximation
  gelu_quick,  // x * sigmoid(1.702 x), CLIP's
};

// Weights made ready for the device once, at load, in its own precision and layout, so the tensors
// given here need not outlive this object.
class Linear {
 public:
  Linear();
  ~Linear();
  Linear(Linear&&) noexcept;
  Linear& operator=(Linear&&) noexcept;
  // In host memory. weight: [out, in] f32 or f16; bias: [out] f32 or f16, or no data for none.
  // scale: [out] f32, or no data for none: y = scale * (x W^T + b), folded into the packed weights
  // (LayerScale, Touvron et al. 2021).
  Linear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor scale = {});

  std::int64_t in() const { return in_; }
  std::int64_t out() const { return out_; }
  const LinearWeights* weights() const { return weights_.get(); }  // null: empty layer

 private:
  std::int64_t in_ = 0, out_ = 0;
  std::unique_ptr<LinearWeights> weights_;
};

// y[rows, out] = activation(x[rows, in] W^T + b); x: the context's activations; y: those, its
// residual dtype or f32.
void linear(Context& context, ConstTensor x, const Linear& layer, Activation activation, Tensor y);

// y[rows, out] += x[rows, in] W^T + b        (the residual connection); y: the context's residual
// dtype, or f32
void linear_residual(Context& context, ConstTensor x, const Linear& layer, Tensor y);

// y[rows, out] = activation(layer_norm(x[rows, in]) W^T + b): what each half of a block begins
// with, one op so that a device can do without storing the norm. x: the residual stream; gamma,
// beta: [in] f32; normed: [rows, in] activations, scratch whose values afterwards mean nothing.
void norm_linear(Context& context, ConstTensor x, ConstTensor gamma, ConstTensor beta, float eps,
                 const Linear& layer, Activation activation, Tensor normed, Tensor y);

}  // namespace quantring
