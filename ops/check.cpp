#include "ops/check.h"

#include <stdexcept>

namespace quantring::check {

void fail(const char* op, const char* name, const ConstTensor& tensor,
          const std::string& expected) {
  throw std::invalid_argument(std::string(op) + ": " + name + " is " + dtype_name(tensor.dtype) +
                              " " + tensor.shape.text() + (tensor.data ? "" : " without data") +
                              ", expected " + expected);
}

void exact(const char* op, const char* name, const ConstTensor& tensor, DType dtype,
           const Shape& shape) {
  if (tensor.dtype != dtype || !(tensor.shape == shape) ||
      (tensor.data == nullptr && shape.elements() > 0)) {
    fail(op, name, tensor, std::string(dtype_name(dtype)) + " " + shape.text());
  }
}

std::int64_t rows(const char* op, const char* name, const ConstTensor& tensor, DType dtype,
                  std::int64_t columns) {
  const int rank = tensor.shape.rank();
  const std::int64_t elements = tensor.shape.elements();
  if (tensor.dtype != dtype || rank == 0 || columns < 1 || tensor.shape[rank - 1] != columns ||
      (tensor.data == nullptr && elements > 0)) {
    fail(op, name, tensor,
         std::string(dtype_name(dtype)) + " [..., " + std::to_string(columns) + "]");
  }
  return elements / columns;
}

void layer(const char* op, const Linear& layer) {
  if (layer.weights() == nullptr) throw std::invalid_argument(std::string(op) + ": empty layer");
}

void product(const char* op, const char* name, const Context& context, const ConstTensor& x,
             std::int64_t rows, const Linear& layer, const ConstTensor& y) {
  if (y.dtype != DType::f32 && y.dtype != context.activation_dtype() &&
      y.dtype != context.residual_dtype()) {
    fail(op, name, y, std::string("f32 or ") + dtype_name(context.activation_dtype()));
  }
  if (check::rows(op, name, y, y.dtype, layer.out()) != rows) {
    fail(op, name, y,
         std::to_string(rows) + " rows of " + std::to_string(layer.out()) + " for x " +
             x.shape.text());
  }
}

}  // namespace quantring::check
