#include "ops/linear.h"

#include "ops/backend.h"
#include "ops/check.h"
#include "ops/residual.h"

namespace quantring {

Linear::Linear() = default;
Linear::~Linear() = default;
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;

Linear::Linear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor scale)
    : Linear(context, weight, bias, scale, nullptr) {}

Linear::Linear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor scale,
               const InputNorm* norm) {
  const bool floats = weight.dtype == DType::f32 || weight.dtype == DType::f16;
  if (!floats || weight.shape.rank() != 2 || weight.shape.elements() == 0 || !weight.data) {
    check::fail("Linear", "weight", weight, "f32 or f16 [out, in]");
  }
  out_ = weight.shape[0];
  in_ = weight.shape[1];
  if (bias.data != nullptr) {
    check::exact("Linear", "bias", bias, bias.dtype == DType::f16 ? DType::f16 : DType::f32,
                 {out_});
  }
  if (scale.data != nullptr) check::exact("Linear", "scale", scale, DType::f32, {out_});
  if (norm != nullptr) {
    for (const ConstTensor& part : {norm->gamma, norm->beta}) {
      check::exact("Linear", "norm", part, part.dtype == DType::f16 ? DType::f16 : DType::f32,
                   {in_});
    }
  }
  weights_ = context.backend().pack(weight, bias, scale, norm ? *norm : InputNorm{});
}

void Linear::set_reader(const NormLinear& next) {
  reader_ = {next.linear().weights(), next.activation()};
}

void linear(Context& context, ConstTensor x, const Linear& layer, Activation activation, Tensor y) {
  constexpr const char* op = "linear";
  check::layer(op, layer);
  const std::int64_t rows = check::rows(op, "x", x, context.activation_dtype(), layer.in());
  check::product(op, "y", context, x, rows, layer, y);
  context.backend().linear(x, rows, layer, activation, y);
}

void linear_add(Context& context, ConstTensor x, const Linear& layer, Tensor y) {
  constexpr const char* op = "linear_add";
  check::layer(op, layer);
  const std::int64_t rows = check::rows(op, "x", x, context.activation_dtype(), layer.in());
  check::product(op, "y", context, x, rows, layer, y);
  context.backend().linear_add(x, rows, layer, y);
}

}  // namespace quantring
