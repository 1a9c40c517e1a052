#include "ops/linear.h"

#include <stdexcept>

#include "ops/check.h"
#include "ops/cpu/linear.h"

namespace quantring {
namespace {

// Checks what linear() and linear_residual() have in common; returns the number of rows.
std::int64_t check_arguments(const char* op, const ConstTensor& x, const Linear& layer,
                             const Tensor& y) {
  if (layer.weights() == nullptr) throw std::invalid_argument(std::string(op) + ": empty layer");
  const std::int64_t rows = check::rows(op, "x", x, layer.in());
  if (check::rows(op, "y", y, layer.out()) != rows) {
    check::fail(op, "y", y,
                std::to_string(rows) + " rows of " + std::to_string(layer.out()) + " for x " +
                    x.shape.text());
  }
  return rows;
}

}  // namespace

Linear::Linear(Context& context, ConstTensor weight, ConstTensor bias, ConstTensor scale) {
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
  weights_ = cpu::pack_weights(context, weight, scale.f32());
  bias_ = cpu::pack_bias(context, bias, scale.f32());
}

void linear(Context& context, ConstTensor x, const Linear& layer, Activation activation, Tensor y) {
  const std::int64_t rows = check_arguments("linear", x, layer, y);
  cpu::linear(context.pool(), x.f32(), rows, layer, activation, y.f32());
}

void linear_residual(Context& context, ConstTensor x, const Linear& layer, Tensor y) {
  const std::int64_t rows = check_arguments("linear_residual", x, layer, y);
  cpu::linear_residual(context.pool(), x.f32(), rows, layer, y.f32());
}

}  // namespace quantring
