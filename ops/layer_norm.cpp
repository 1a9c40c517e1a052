#include "ops/layer_norm.h"

#include "ops/check.h"
#include "ops/cpu/layer_norm.h"

namespace quantring {

void layer_norm(Context& context, ConstTensor x, ConstTensor gamma, ConstTensor beta, float eps,
                Tensor y) {
  constexpr const char* op = "layer_norm";
  if (gamma.shape.rank() != 1) check::fail(op, "gamma", gamma, "f32 [dim]");
  const std::int64_t dim = gamma.shape[0];
  check::exact(op, "gamma", gamma, DType::f32, {dim});
  check::exact(op, "beta", beta, DType::f32, {dim});
  const std::int64_t rows = check::rows(op, "x", x, dim);
  check::exact(op, "y", y, DType::f32, x.shape);
  cpu::layer_norm(context.pool(), x.f32(), gamma.f32(), beta.f32(), eps, rows, dim, y.f32());
}

}  // namespace quantring
