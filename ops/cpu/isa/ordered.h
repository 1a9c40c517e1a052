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

constexpr std::int64_t ordered_depth =
    256;  // at a time; then the sums are stored and taken up again
constexpr int ordered_wide = lanes == 16 ? 4 : 2;  // vectors: with four rows, what registers hold

// Adds depths k to `end` to `vectors` vectors from column c on of `count` rows from r on. m: row k,
// column c of it.
template <int count, int vectors>
QUANTRING_INLINE void ordered_tile(const OrderedProduct& p, const float* m, std::int64_t m_stride,
                                   std::int64_t k, std::int64_t end, std::int64_t r,
                                   std::int64_t c) {
  const float* const x = p.x + r * p.x_stride;
  float* const y = p.y + r * p.y_stride + c;
  Vector sums[count][vectors] = {};
  if (k > 0) {
    for (int i = 0; i < count; ++i)
      for (int v = 0; v < vectors; ++v) sums[i][v] = load(y + i * p.y_stride + v * lanes);
  }
  for (; k < end; ++k, m += m_stride) {
    Vector row[vectors];
    for (int v = 0; v < vectors; ++v) row[v] = load(m + v * lanes);
    for (int i = 0; i < count; ++i) {
      const Vector factor = broadcast(x[i * p.x_stride + k]);
      for (int v = 0; v < vectors; ++v) sums[i][v] += factor * row[v];
    }
  }
  for (int i = 0; i < count; ++i)
    for (int v = 0; v < vectors; ++v) store(y + i * p.y_stride + v * lanes, sums[i][v]);
}

// All rows of these columns. Where there are many, the part of m is copied first: rows that are far
// apart would displace each other from the cache.
template <int vectors>
QUANTRING_INLINE void ordered_columns(const OrderedProduct& p, std::int64_t c) {
  constexpr int tile = 4;
  constexpr std::int64_t width = vectors * lanes;
  float packed[ordered_depth * width];
  std::int64_t k = 0;
  do {
    const std::int64_t end = k + ordered_depth < p.depth ? k + ordered_depth : p.depth;
    const float* m = p.m + k * p.m_stride + c;
    std::int64_t m_stride = p.m_stride;
    if (p.rows >= 4 * tile) {
      for (std::int64_t i = 0; i < end - k; ++i)
        for (int v = 0; v < vectors; ++v)
          store(packed + i * width + v * lanes, load(m + i * m_stride + v * lanes));
      m = packed;
      m_stride = width;
    }
    std::int64_t r = 0;
    for (; r + tile <= p.rows; r += tile) ordered_tile<tile, vectors>(p, m, m_stride, k, end, r, c);
    for (; r < p.rows; ++r) ordered_tile<1, vectors>(p, m, m_stride, k, end, r, c);
    k = end;
  } while (k < p.depth);
}

void ordered_product(const float* x, std::int64_t x_stride, const float* m, std::int64_t m_stride,
                     std::int64_t rows, std::int64_t depth, std::int64_t cols, float* y,
                     std::int64_t y_stride) {
  const OrderedProduct p{x, x_stride, m, m_stride, rows, depth, y, y_stride};
  constexpr std::int64_t wide = ordered_wide * lanes;
  std::int64_t c = 0;
  for (; c + wide <= cols; c += wide) ordered_columns<ordered_wide>(p, c);
  for (; c + lanes <= cols; c += lanes) ordered_columns<1>(p, c);
  // The last columns: some of them a second time, with the same result.
  if (c < cols && cols >= lanes) return ordered_columns<1>(p, cols - lanes);
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
