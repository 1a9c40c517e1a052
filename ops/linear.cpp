#include "ops/linear.h"

#include <utility>

#include "ops/check.h"
#include "ops/cpu/linear.h"
#include "ops/half.h"

namespace quantring {
namespace {

// The tensor itself if it is f32 already, else an f32 copy in `memory`.
ConstTensor as_f32(Context& context, const ConstTensor& tensor, Buffer& memory) {
  if (tensor.dtype == DType::f32) return tensor;
  const auto count = static_cast<std::size_t>(tensor.shape.elements());
  memory = Buffer(context, count * sizeof(float));
  halves_to_floats(static_cast<const std::uint16_t*>(tensor.data),
                   static_cast<float*>(memory.data()), count);
  return {memory.data(), DType::f32, tensor.shape};
}

// Checks what linear() and linear_residual() have in common; returns the number of rows.
std::int64_t check_arguments(const char* op, const ConstTensor& x, const Linear& layer,
                             const Tensor& y) {
  if (layer.weight().data == nullptr) check::fail(op, "layer", layer.weight(), "weights");
  const std::int64_t rows = check::rows(op, "x", x, layer.in());
  if (check::rows(op, "y", y, layer.out()) != rows) {
    check::fail(op, "y", y,
                std::to_string(rows) + " rows of " + std::to_string(layer.out()) + " for x " +
                    x.shape.text());
  }
  return rows;
}

}  // namespace

Linear::Linear(Context& context, ConstTensor weight, ConstTensor bias) {
  const bool floats = weight.dtype == DType::f32 || weight.dtype == DType::f16;
  if (!floats || weight.shape.rank() != 2 || weight.shape.elements() == 0 || !weight.data) {
    check::fail("Linear", "weight", weight, "f32 or f16 [out, in]");
  }
  weight_ = as_f32(context, weight, weight_memory_);
  if (bias.data == nullptr) return;
  if (bias.dtype != DType::f16) {
    check::exact("Linear", "bias", bias, DType::f32, {weight.shape[0]});
  } else {
    check::exact("Linear", "bias", bias, DType::f16, {weight.shape[0]});
  }
  bias_ = as_f32(context, bias, bias_memory_);
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
