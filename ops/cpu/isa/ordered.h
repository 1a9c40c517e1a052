#pragma once
// A matrix product whose bits do not depend on the instruction set: every sum starts at depth 0 and
// goes up, and each product is rounded before it is added.

#include "ops/cpu/isa/vector.h"

namespace quantring::cpu {
namespace {

// `vectors` columns of vectors of `count` rows, the sums in registers.
template <int count, int vectors>
QUANTRING_INLINE void ordered_tile(const float* x, std::int64_t x_stride, const float* m,
                                   std::int64_t depth, std::int64_t cols, float* y,
                                   std::int64_t y_stride) {
  Vector sums[count][vectors] = {};
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector row[vectors];
    for (int v = 0; v < vectors; ++v) row[v] = load(m + k * cols + v * lanes);
    for (int r = 0; r < count; ++r) {
      const Vector factor = broadcast(x[r * x_stride + k]);
      for (int v = 0; v < vectors; ++v) sums[r][v] += factor * row[v];
    }
  }
  for (int r = 0; r < count; ++r)
    for (int v = 0; v < vectors; ++v) store(y + r * y_stride + v * lanes, sums[r][v]);
}

template <int count>
QUANTRING_INLINE void ordered_rows(const float* x, std::int64_t x_stride, const float* m,
                                   std::int64_t depth, std::int64_t cols, float* y,
                                   std::int64_t y_stride) {
  std::int64_t c = 0;
  for (; c + 4 * lanes <= cols; c += 4 * lanes)
    ordered_tile<count, 4>(x, x_stride, m + c, depth, cols, y + c, y_stride);
  for (; c + lanes <= cols; c += lanes)
    ordered_tile<count, 1>(x, x_stride, m + c, depth, cols, y + c, y_stride);
  for (; c < cols; ++c) {
    for (int r = 0; r < count; ++r) {
      float sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) sum += x[r * x_stride + k] * m[k * cols + c];
      y[r * y_stride + c] = sum;
    }
  }
}

void ordered_product(const float* x, std::int64_t x_stride, const float* m, std::int64_t rows,
                     std::int64_t depth, std::int64_t cols, float* y, std::int64_t y_stride) {
  constexpr int tile = 4;
  std::int64_t r = 0;
  for (; r + tile <= rows; r += tile)
    ordered_rows<tile>(x + r * x_stride, x_stride, m, depth, cols, y + r * y_stride, y_stride);
  for (; r < rows; ++r)
    ordered_rows<1>(x + r * x_stride, x_stride, m, depth, cols, y + r * y_stride, y_stride);
}

}  // namespace
}  // namespace quantring::cpu
