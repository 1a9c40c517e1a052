#include "ops/linear.h"

#include <stdexcept>

#include "ops/backend.h"
#include "ops/check.h"

namespace quantring {
namespace {

void check_layer(const char* op, const Linear& layer) {
  if (layer.weights() == nullptr) throw std::invalid_argument(std::string(op) + ": empty layer");
}

void check_rows_of_y(const char* op, const ConstTensor& x, std::int64_t rows, const Linear& layer,
                     const Tensor& y) {
  if (check::rows(op, "y", y, y.dtype, layer.out()) != rows) {
    check::fail(op, "y", y,
                std::to_string(rows) + " rows of " + std::to_string(layer.out()) + " for x " +
                    x.shape.text());
  }
}

// y of a product may be activations, residual stream or f32.
void check_dtype_of_y(const char* op, const Context& context, const Tensor& y) {
  if (y.dtype != DType::f32 && y.dtype != context.activation_dtype() &&
      y.dtype != context.residual_dtype()) {
    check::fail(op, "y", y, std::string("f32 or ") + dtype_name(context.activation_dtype()));
  }
}

}  // namespace

Linear::Linear() = default;
Linear::~Linear() = default;
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;

RowSums::RowSums(Context& context, std::int64_t rows, std::int64_t dim)
    : memory(context, context.backend().row_sums_bytes(rows, dim)) {}

Linear::Linear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor scale,
               InputNorm norm) {
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
  for (const ConstTensor* part : {&norm.gamma, &norm.beta}) {
    if (part->data == nullptr && norm.gamma.data == nullptr) continue;
    check::exact("Linear", "norm", *part, part->dtype == DType::f16 ? DType::f16 : DType::f32,
                 {in_});
  }
  weights_ = context.backend().pack(weight, bias, scale, norm);
}

void linear(Context& context, ConstTensor x, const Linear& layer, Activation activation, Tensor y) {
  constexpr const char* op = "linear";
  check_layer(op, layer);
  const std::int64_t rows = check::rows(op, "x", x, context.activation_dtype(), layer.in());
  check_dtype_of_y(op, context, y);
  check_rows_of_y(op, x, rows, layer, y);
  context.backend().linear(x, rows, layer, activation, y);
}

void linear_residual(Context& context, ConstTensor x, const Linear& layer, Tensor y,
                     RowSums* sums) {
  constexpr const char* op = "linear_residual";
  check_layer(op, layer);
  const std::int64_t rows = check::rows(op, "x", x, context.activation_dtype(), layer.in());
  check_dtype_of_y(op, context, y);
  check_rows_of_y(op, x, rows, layer, y);
  context.backend().linear_residual(x, rows, layer, y, sums);
}

void norm_linear(Context& context, ConstTensor x, ConstTensor gamma, ConstTensor beta, float eps,
                 const Linear& layer, Activation activation, Tensor normed, Tensor y,
                 const RowSums* sums) {
  constexpr const char* op = "norm_linear";
  check_layer(op, layer);
  const std::int64_t rows = check::rows(op, "x", x, context.residual_dtype(), layer.in());
  check::exact(op, "gamma", gamma, DType::f32, {layer.in()});
  check::exact(op, "beta", beta, DType::f32, {layer.in()});
  if (check::rows(op, "normed", normed, context.activation_dtype(), layer.in()) != rows) {
    check::fail(op, "normed", normed, std::to_string(rows) + " rows for x " + x.shape.text());
  }
  check_dtype_of_y(op, context, y);
  check_rows_of_y(op, x, rows, layer, y);
  context.backend().norm_linear(x, rows, {gamma.f32(), beta.f32()}, eps, layer, activation, normed,
                                y, sums);
}

}  // namespace quantring
