#pragma once
// y = x W^T + b, the matrix product of a transformer's layers. Its forms that read and write the
// residual stream: ops/residual.h.

#include <memory>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

class LinearWeights;  // ops/backend.h
class NormLinear;     // ops/residual.h

enum class Activation : std::uint8_t {
  none,
  gelu_erf,    // x * Phi(x), exact (Hendrycks & Gimpel 2016)
  gelu_tanh,   // its tanh approximation
  gelu_quick,  // x * sigmoid(1.702 x), CLIP's
};

// The norm before a layer, in host memory: [in] f32 or f16.
struct InputNorm {
  ConstTensor gamma, beta;
};

// The layer that reads a residual stream next, as far as a device's choice of kernels depends on
// it.
struct StreamReader {
  const LinearWeights* weights = nullptr;  // null: none in this stage
  Activation activation = Activation::none;
};

// Weights packed once, at load, in the device's own precision and layout; the tensors given here
// need not outlive this object.
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

  // For a layer whose output is added to a residual stream: `next` reads that stream next. A device
  // may then prepare the norm of `next`. Both must exist as long as this layer is used.
  void set_reader(const NormLinear& next);

  std::int64_t in() const { return in_; }
  std::int64_t out() const { return out_; }
  const LinearWeights* weights() const { return weights_.get(); }  // null: empty layer
  const StreamReader& reader() const { return reader_; }

 private:
  friend class NormLinear;
  Linear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor scale,
         const InputNorm* norm);

  std::int64_t in_ = 0, out_ = 0;
  std::unique_ptr<LinearWeights> weights_;
  StreamReader reader_;
};

// y[rows, out] = activation(x[rows, in] W^T + b); x: the context's activations; y: those, its
// residual dtype or f32.
void linear(Context& context, ConstTensor x, const Linear& layer, Activation activation, Tensor y);

// y[rows, out] += x[rows, in] W^T + b; x: the context's activations; y: its residual dtype or f32.
void linear_add(Context& context, ConstTensor x, const Linear& layer, Tensor y);

}  // namespace quantring
