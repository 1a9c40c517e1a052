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

}  // namespace quantring::check
