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

// The norm whose output a layer takes, in host memory: [in] f32 or f16, or no data for none.
struct InputNorm {
  ConstTensor gamma, beta;
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
  // (LayerScale, Touvron et al. 2021). norm: for a layer that norm_linear is called with and
  // nothing else, the norm of that call; a device may fold it into the weights.
  Linear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor scale = {},
         InputNorm norm = {});

  std::int64_t in() const { return in_; }
  std::int64_t out() const { return out_; }
  const LinearWeights* weights() const { return weights_.get(); }  // null: empty layer

 private:
  std::int64_t in_ = 0, out_ = 0;
  std::unique_ptr<LinearWeights> weights_;
};

// The sums over each row of a residual stream that its norm is made of. linear_residual may leave
// them as it writes the stream; norm_linear then has no need to read the stream first. Whether that
// pays is the device's to say.
class RowSums {
 public:
  RowSums() = default;
  RowSums(Context& context, std::int64_t rows, std::int64_t dim);  // the most of both
  // After anything else has written the stream.
  void forget() { parts = 0; }

  Buffer memory;  // the device's own; may be empty
  int parts = 0;  // that a row's sums lie in; 0: nothing is known of the stream
  // Of the norm_linear that will read them: whether leaving them pays depends on it.
  const Linear* reader = nullptr;
  Activation activation = Activation::none;
};

// y[rows, out] = activation(x[rows, in] W^T + b); x: the context's activations; y: those, its
// residual dtype or f32.
void linear(Context& context, ConstTensor x, const Linear& layer, Activation activation, Tensor y);

// y[rows, out] += x[rows, in] W^T + b        (the residual connection); y: the context's residual
// dtype, or f32. sums: of y afterwards, for the norm_linear behind it, or null.
void linear_residual(Context& context, ConstTensor x, const Linear& layer, Tensor y,
                     RowSums* sums = nullptr);

// y[rows, out] = activation(layer_norm(x[rows, in]) W^T + b): what each half of a block begins
// with, one op so that a device can do without storing the norm. x: the residual stream; gamma,
// beta: [in] f32; normed: [rows, in] activations, scratch whose values afterwards mean nothing.
// sums: of x, or null.
void norm_linear(Context& context, ConstTensor x, ConstTensor gamma, ConstTensor beta, float eps,
                 const Linear& layer, Activation activation, Tensor normed, Tensor y,
                 const RowSums* sums = nullptr);

}  // namespace quantring
