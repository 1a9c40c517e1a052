#include "ops/layer_norm.h"

#include "ops/backend.h"
#include "ops/check.h"

namespace quantring {

void layer_norm(Context& context, ConstTensor x, ConstTensor gamma, ConstTensor beta, float eps,
                Tensor y) {
  constexpr const char* op = "layer_norm";
  if (gamma.shape.rank() != 1) check::fail(op, "gamma", gamma, "f32 [dim]");
  const std::int64_t dim = gamma.shape[0];
  check::exact(op, "gamma", gamma, DType::f32, {dim});
  check::exact(op, "beta", beta, DType::f32, {dim});
  // The residual stream, tokens pooled from it, or activations.
  const bool residual = x.dtype == context.residual_dtype();
  const std::int64_t rows = check::rows(
      op, "x", x, residual ? context.residual_dtype() : context.activation_dtype(), dim);
  const bool in_place = y.data == x.data;
  check::exact(op, "y", y, in_place ? x.dtype : context.activation_dtype(), x.shape);
  context.backend().layer_norm(x, {gamma.f32(), beta.f32()}, eps, rows, dim, y);
}

}  // namespace quantring
