#pragma once
// A matrix product of 16-bit integers with sums of 32 bits, which wrap around. Pairs of depths lie
// side by side: the instructions multiply and add two at a time.

#include "ops/cpu/isa/vector.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace quantring::cpu {
namespace {

// Lane i: the products of both halves, added.
QUANTRING_INLINE IntVector multiply_pairs(IntVector a, IntVector b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<IntVector>(
      _mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<IntVector>(
      _mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<IntVector>(
      _mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#elif defined(__aarch64__)
  const int16x8_t x = reinterpret_cast<int16x8_t>(a), y = reinterpret_cast<int16x8_t>(b);
  return reinterpret_cast<IntVector>(
      vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y)));
#else
  return (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

QUANTRING_INLINE IntVector load_ints(const void* source) {
  IntVector v;
  __builtin_memcpy(&v, source, sizeof v);
  return v;
}

QUANTRING_INLINE std::int32_t load_pair(const std::int16_t* source) {
  std::int32_t pair;
  __builtin_memcpy(&pair, source, sizeof pair);
  return pair;
}

struct IntegerProduct {
  const std::int16_t* x;
  std::int64_t x_stride;  // numbers
  const std::int16_t* m;
  std::int64_t m_stride;  // pairs
  std::int64_t rows, pairs;
  std::int32_t* y;
  std::int64_t y_stride;
};

constexpr std::int64_t integer_pairs = 256;  // at a time; then the sums are taken up again
constexpr int integer_wide = lanes == 16 ? 4 : 2;

// Adds pairs k to `end` to `vectors` vectors from column c on of `count` rows from r on. m: pair k,
// column c of it.
template <int count, int vectors>
QUANTRING_INLINE void integer_tile(const IntegerProduct& p, const std::int16_t* m,
                                   std::int64_t m_stride, std::int64_t k, std::int64_t end,
                                   std::int64_t r, std::int64_t c) {
  const std::int16_t* const x = p.x + r * p.x_stride;
  std::int32_t* const y = p.y + r * p.y_stride + c;
  IntVector sums[count][vectors] = {};
  if (k > 0) {
    for (int i = 0; i < count; ++i)
      for (int v = 0; v < vectors; ++v) sums[i][v] = load_ints(y + i * p.y_stride + v * lanes);
  }
  for (; k < end; ++k, m += 2 * m_stride) {
    IntVector row[vectors];
    for (int v = 0; v < vectors; ++v) row[v] = load_ints(m + 2 * v * lanes);
    for (int i = 0; i < count; ++i) {
      const IntVector pair = load_pair(x + i * p.x_stride + 2 * k) - IntVector{};
      for (int v = 0; v < vectors; ++v) sums[i][v] += multiply_pairs(pair, row[v]);
    }
  }
  for (int i = 0; i < count; ++i)
    for (int v = 0; v < vectors; ++v)
      __builtin_memcpy(y + i * p.y_stride + v * lanes, &sums[i][v], sizeof sums[i][v]);
}

// All rows of these columns. Where there are many, the part of m is copied first: rows that are far
// apart would displace each other from the cache.
template <int vectors>
QUANTRING_INLINE void integer_columns(const IntegerProduct& p, std::int64_t c) {
  constexpr int tile = 4;
  constexpr std::int64_t width = vectors * lanes;
  std::int16_t packed[2 * integer_pairs * width];
  std::int64_t k = 0;
  do {
    const std::int64_t end = k + integer_pairs < p.pairs ? k + integer_pairs : p.pairs;
    const std::int16_t* m = p.m + 2 * (k * p.m_stride + c);
    std::int64_t m_stride = p.m_stride;
    if (p.rows >= 4 * tile) {
      for (std::int64_t i = 0; i < end - k; ++i)
        __builtin_memcpy(packed + 2 * i * width, m + 2 * i * m_stride, 4 * width);
      m = packed;
      m_stride = width;
    }
    std::int64_t r = 0;
    for (; r + tile <= p.rows; r += tile) integer_tile<tile, vectors>(p, m, m_stride, k, end, r, c);
    for (; r < p.rows; ++r) integer_tile<1, vectors>(p, m, m_stride, k, end, r, c);
    k = end;
  } while (k < p.pairs);
}

void integer_product(const std::int16_t* x, std::int64_t x_stride, const std::int16_t* m,
                     std::int64_t m_stride, std::int64_t rows, std::int64_t pairs,
                     std::int64_t cols, std::int32_t* y, std::int64_t y_stride) {
  const IntegerProduct p{x, x_stride, m, m_stride, rows, pairs, y, y_stride};
  constexpr std::int64_t wide = integer_wide * lanes;
  std::int64_t c = 0;
  for (; c + wide <= cols; c += wide) integer_columns<integer_wide>(p, c);
  for (; c + lanes <= cols; c += lanes) integer_columns<1>(p, c);
  // The last columns: some of them a second time, with the same result.
  if (c < cols && cols >= lanes) return integer_columns<1>(p, cols - lanes);
  for (; c < cols; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) {
      std::uint32_t sum = 0;
      for (std::int64_t k = 0; k < 2 * pairs; ++k)
        sum +=
            static_cast<std::uint32_t>(x[r * x_stride + k] * m[2 * (k / 2 * m_stride + c) + k % 2]);
      y[r * y_stride + c] = static_cast<std::int32_t>(sum);
    }
  }
}

}  // namespace
}  // namespace quantring::cpu
