#pragma once
// A view of a tensor: address, type and shape. Owns nothing. Dense and row-major; the last
// dimension is contiguous.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace quantring {

enum class DType : std::uint8_t { f32, f16, bf16, u8 };

std::size_t dtype_bytes(DType dtype);
const char* dtype_name(DType dtype);  // "f32", "f16", "bf16", "u8"

// Up to four dimensions.
class Shape {
 public:
  static constexpr int max_rank = 4;
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims);
  int rank() const { return rank_; }
  std::int64_t operator[](int i) const { return dims_[static_cast<std::size_t>(i)]; }
  std::int64_t elements() const;  // 1 for rank 0
  std::string text() const;       // "[2, 197, 192]"
  bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, max_rank> dims_{};
  int rank_ = 0;
};

// Read-only view.
struct ConstTensor {
  const void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;

  const float* f32() const { return static_cast<const float*>(data); }
  std::size_t bytes() const {
    return static_cast<std::size_t>(shape.elements()) * dtype_bytes(dtype);
  }
};

// Writable view.
struct Tensor {
  void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;

  float* f32() const { return static_cast<float*>(data); }
  std::size_t bytes() const {
    return static_cast<std::size_t>(shape.elements()) * dtype_bytes(dtype);
  }
  operator ConstTensor() const { return {data, dtype, shape}; }
  Tensor part(std::int64_t index) const;  // [index] of [n, rows, columns]: [rows, columns]
};

}  // namespace quantring
