#pragma once
// A matrix of 16-bit integers with a power of two for each column, and its product with rows of
// floats that are rounded to integers too (ops/coding/integer_rows.h): the sums are exact, so every
// device computes the same bits, and fast.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace quantring {

class IntegerMatrix {
 public:
  IntegerMatrix() = default;
  // m: [depth, cols], finite. Each column is scaled so that no sum exceeds 31 bits.
  IntegerMatrix(std::span<const float> m, std::size_t depth, std::size_t cols);

  std::size_t depth() const { return depth_; }
  std::size_t cols() const { return cols_; }
  // [ceil(depth / 2), cols, 2]: depths 2 k and 2 k + 1 side by side.
  const std::vector<std::int16_t>& pairs() const { return pairs_; }
  // What an integer of each column stands for.
  const std::vector<float>& units() const { return units_; }

  // x [rows, depth] times the first `cols` columns -> y, whose rows begin a stride apart. False:
  // some of x is not finite; then y is not written.
  bool multiply(const float* x, std::size_t rows, std::size_t cols, float* y,
                std::size_t y_stride) const;

 private:
  std::size_t depth_ = 0, cols_ = 0;
  std::vector<std::int16_t> pairs_;
  std::vector<float> units_;
};

}  // namespace quantring
