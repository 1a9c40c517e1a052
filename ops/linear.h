#pragma once
// y = x W^T + b and its fused forms: the matrix products of a transformer block.

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

enum class Activation : std::uint8_t {
  none,
  gelu_erf,    // x * Phi(x), exact (Hendrycks & Gimpel 2016)
  gelu_tanh,   // its tanh approximation
  gelu_quick,  // x * sigmoid(1.702 x), CLIP's
};

// Weights made ready for the device once, at load: on the CPU a copy in the order in which the
// product reads them, so the tensors given here need not outlive this object.
class Linear {
 public:
  Linear() = default;
  // weight: [out, in] f32 or f16; bias: [out] f32 or f16, or no data for none. scale: [out] f32, or
  // no data for none: y = scale * (x W^T + b), folded into the packed weights (LayerScale, Touvron
  // et al. 2021).
  Linear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor scale = {});

  std::int64_t in() const { return in_; }
  std::int64_t out() const { return out_; }
  const float* weights() const { return static_cast<const float*>(weights_.data()); }  // packed
  const float* bias() const { return static_cast<const float*>(bias_.data()); }  // null for none

 private:
  std::int64_t in_ = 0, out_ = 0;
  Buffer weights_;
  Buffer bias_;
};

// y[rows, out] = activation(x[rows, in] W^T + b)
void linear(Context& context, ConstTensor x, const Linear& layer, Activation activation, Tensor y);

// y[rows, out] += x[rows, in] W^T + b        (the residual connection)
void linear_residual(Context& context, ConstTensor x, const Linear& layer, Tensor y);

}  // namespace quantring
