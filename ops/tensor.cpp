#include "ops/tensor.h"

#include <stdexcept>

#include "ops/base/error.h"

namespace quantring {

std::size_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 4;
    case DType::f16:
    case DType::bf16:
      return 2;
    case DType::u8:
      return 1;
  }
  throw std::invalid_argument("dtype_bytes: unknown dtype");
}

const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::f16:
      return "f16";
    case DType::bf16:
      return "bf16";
    case DType::u8:
      return "u8";
  }
  return "unknown";
}

Shape::Shape(std::initializer_list<std::int64_t> dims) {
  if (dims.size() > max_rank) {
    throw std::invalid_argument("Shape: " + std::to_string(dims.size()) + " dimensions, at most " +
                                std::to_string(max_rank));
  }
  for (const std::int64_t dim : dims) {
    if (dim < 0) throw std::invalid_argument("Shape: negative dimension " + std::to_string(dim));
    dims_[static_cast<std::size_t>(rank_++)] = dim;
  }
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (int i = 0; i < rank_; ++i) {
    // Shapes come from files and frames too: a product that overflows would pass later size checks.
    if (__builtin_mul_overflow(product, (*this)[i], &product)) {
      throw Error("shape " + text() + " has more elements than 63 bits can count");
    }
  }
  return product;
}

std::string Shape::text() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string((*this)[i]);
  }
  return text + "]";
}

Tensor Tensor::part(std::int64_t index) const {
  const std::size_t part_bytes = static_cast<std::size_t>(shape[1] * shape[2]) * dtype_bytes(dtype);
  return {static_cast<std::byte*>(data) + static_cast<std::size_t>(index) * part_bytes,
          dtype,
          {shape[1], shape[2]}};
}

}  // namespace quantring
