#include "ops/residual.h"

#include "ops/backend.h"
#include "ops/check.h"

namespace quantring {

std::size_t residual_scratch_bytes(const Context& context, std::int64_t rows, std::int64_t dim) {
  return context.backend().residual_scratch_bytes(rows, dim);
}

void Residual::replace(Tensor kept) {
  x_ = kept;
  sum_parts_ = 0;
}

NormLinear::NormLinear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor gamma,
                       ConstTensor beta, float eps, Activation activation)
    : eps_(eps), activation_(activation) {
  const InputNorm norm{gamma, beta};
  linear_ = Linear(context, weight, bias, {}, &norm);
  gamma_ = Parameter(context, gamma);
  beta_ = Parameter(context, beta);
}

void norm_linear(Context& context, const Residual& x, const NormLinear& layer, Tensor normed,
                 Tensor y) {
  constexpr const char* op = "norm_linear";
  check::layer(op, layer.linear());
  const std::int64_t in = layer.linear().in();
  const std::int64_t rows = check::rows(op, "x", x.tensor(), context.residual_dtype(), in);
  if (check::rows(op, "normed", normed, context.activation_dtype(), in) != rows) {
    check::fail(op, "normed", normed,
                std::to_string(rows) + " rows for x " + x.tensor().shape.text());
  }
  check::product(op, "y", context, x.tensor(), rows, layer.linear(), y);
  context.backend().norm_linear(x, rows, layer, normed, y);
}

void linear_residual(Context& context, ConstTensor h, const Linear& layer, Residual& x) {
  constexpr const char* op = "linear_residual";
  check::layer(op, layer);
  const std::int64_t rows = check::rows(op, "h", h, context.activation_dtype(), layer.in());
  check::product(op, "x", context, h, rows, layer, x.tensor());
  context.backend().linear_residual(h, rows, layer, x);
}

}  // namespace quantring
