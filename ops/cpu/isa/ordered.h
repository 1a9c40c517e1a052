#pragma once
// A matrix product whose bits do not depend on the instruction set: every sum starts at depth 0 and
// goes up, and each product is rounded before it is added.

#include "ops/cpu/isa/vector.h"

namespace quantring::cpu {
namespace {

struct OrderedProduct {
  const float* x;
  std::int64_t x_stride;
  const float* m;
  std::int64_t m_stride, rows, depth;
  float* y;
  std::int64_t y_stride;
};

// `vectors` vectors from column c on, of `count` rows from r on; the sums stay in registers.
template <int count, int vectors>
QUANTRING_INLINE void ordered_tile(const OrderedProduct& p, std::int64_t r, std::int64_t c) {
  const float* const x = p.x + r * p.x_stride;
  const float* const m = p.m + c;
  float* const y = p.y + r * p.y_stride + c;
  Vector sums[count][vectors] = {};
  for (std::int64_t k = 0; k < p.depth; ++k) {
    Vector row[vectors];
    for (int v = 0; v < vectors; ++v) row[v] = load(m + k * p.m_stride + v * lanes);
    for (int i = 0; i < count; ++i) {
      const Vector factor = broadcast(x[i * p.x_stride + k]);
      for (int v = 0; v < vectors; ++v) sums[i][v] += factor * row[v];
    }
  }
  for (int i = 0; i < count; ++i)
    for (int v = 0; v < vectors; ++v) store(y + i * p.y_stride + v * lanes, sums[i][v]);
}

// All rows of these columns, so that they stay in the cache.
template <int vectors>
QUANTRING_INLINE void ordered_columns(const OrderedProduct& p, std::int64_t c) {
  constexpr int tile = 4;
  std::int64_t r = 0;
  for (; r + tile <= p.rows; r += tile) ordered_tile<tile, vectors>(p, r, c);
  for (; r < p.rows; ++r) ordered_tile<1, vectors>(p, r, c);
}

void ordered_product(const float* x, std::int64_t x_stride, const float* m, std::int64_t m_stride,
                     std::int64_t rows, std::int64_t depth, std::int64_t cols, float* y,
                     std::int64_t y_stride) {
  const OrderedProduct p{x, x_stride, m, m_stride, rows, depth, y, y_stride};
  constexpr int wide = lanes == 16 ? 4 : 2;  // with four rows, what the registers hold
  std::int64_t c = 0;
  for (; c + wide * lanes <= cols; c += wide * lanes) ordered_columns<wide>(p, c);
  for (; c + lanes <= cols; c += lanes) ordered_columns<1>(p, c);
  if (c < cols && cols >= lanes) return ordered_columns<1>(p, cols - lanes);  // some of them again
  for (; c < cols; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) {
      float sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) sum += x[r * x_stride + k] * m[k * m_stride + c];
      y[r * y_stride + c] = sum;
    }
  }
}

}  // namespace
}  // namespace quantring::cpu
