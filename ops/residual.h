#pragma once
// The residual stream of a pre-norm transformer: each half of a block reads it through a norm and
// adds its result to it.
//   norm_linear      y = activation(layer_norm(x) W^T + b)     the first product of a half
//   linear_residual  x = x + h W^T + b                         its last one
// A GPU computes the norm inside the matrix products: the norm's gamma and beta are folded into the
// weights of NormLinear, and linear_residual leaves the sums of x's rows for the norm_linear after
// it. All of that stays behind this header; the CPU does neither.

#include "ops/context.h"
#include "ops/linear.h"
#include "ops/parameter.h"
#include "ops/tensor.h"

namespace quantring {

// Bytes of scratch that a stream of up to `rows` rows of `dim` needs in this context; may be 0.
std::size_t residual_scratch_bytes(const Context& context, std::int64_t rows, std::int64_t dim);

// The stream during one forward pass. Owns no memory.
class Residual {
 public:
  // x: [images, tokens, dim] of the context's residual dtype, with the values that the first
  // norm_linear reads. scratch: residual_scratch_bytes(). Both must outlive this object.
  Residual(Tensor x, Buffer& scratch) : x_(x), scratch_(&scratch) {}

  const Tensor& tensor() const { return x_; }

  // Continues with other values: all rows of x from now on are those of `kept`.
  void replace(Tensor kept);

  // For a backend: into how many parts the sums of a row in scratch() are divided; 0: there are
  // none for the present values.
  void* scratch() const { return scratch_->data(); }
  int sum_parts() const { return sum_parts_; }
  void set_sum_parts(int parts) { sum_parts_ = parts; }

 private:
  Tensor x_;
  Buffer* scratch_;
  int sum_parts_ = 0;
};

// A linear layer with the layernorm before it and the activation behind it.
class NormLinear {
 public:
  NormLinear() = default;
  // In host memory. weight: [out, in]; bias: [out] or no data for none; gamma, beta: [in]; each f32
  // or f16. Where gamma and beta are f32, the CPU reads them in place: they must outlive this
  // object.
  NormLinear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor gamma,
             ConstTensor beta, float eps, Activation activation);

  const Linear& linear() const { return linear_; }  // on a GPU with gamma and beta folded in
  const Parameter& gamma() const { return gamma_; }
  const Parameter& beta() const { return beta_; }
  float eps() const { return eps_; }
  Activation activation() const { return activation_; }

 private:
  Linear linear_;
  Parameter gamma_, beta_;  // [in] f32
  float eps_ = 0;
  Activation activation_ = Activation::none;
};

// y[rows, out] = activation(layer_norm(x[rows, in]) W^T + b). y: activations; normed: [rows, in]
// activations, scratch with undefined values afterwards.
void norm_linear(Context& context, const Residual& x, const NormLinear& layer, Tensor normed,
                 Tensor y);

// x[rows, out] += h[rows, in] W^T + b; h: activations.
void linear_residual(Context& context, ConstTensor h, const Linear& layer, Residual& x);

}  // namespace quantring
