#pragma once
// Single-precision matrix product with bias and activation. Every element of the result is the sum
// over k in ascending order, one multiply-add after the other, in every tile: the result does not
// depend on the number of rows or threads.

#include "ops/cpu/isa/math.h"
#include "ops/cpu/kernels.h"

namespace quantring::cpu {
namespace {

// A tile of the result stays in registers while the loop runs over k. Per step it needs its sums,
// one panel row of b and one broadcast value of a: 8 x 3 + 3 + 1 of 32 registers, 6 x 2 + 2 + 1
// of 16.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int tile_rows = 8;
constexpr int tile_vectors = 3;
#else
constexpr int tile_rows = 6;
constexpr int tile_vectors = 2;
#endif
constexpr std::int64_t panel = tile_vectors * lanes;

// Steps of k per pass over the tiles, so that the rows of a and the panel of b in use fit the
// cache.
constexpr std::int64_t depth_block = 384;

// Calls body(0) to body(count - 1) without a loop: an array that is indexed in loops, even in loops
// that the compiler unrolls later, may be kept in memory instead of registers.
template <int count, class Body>
QUANTRING_INLINE void unrolled(const Body& body) {
  if constexpr (count > 0) {
    unrolled<count - 1>(body);
    body(count - 1);
  }
}

#define QUANTRING_BODY(index) [&](int index) __attribute__((always_inline))

// c[rows, vectors * lanes] = (add ? c : 0) + bias + a[rows, depth] b[depth, panel]
template <int rows, int vectors>
void multiply_tile(std::int64_t depth, const float* a, std::int64_t a_stride, const float* b,
                   const float* bias, bool add, float* c, std::int64_t c_stride) {
  Vector sums[rows][vectors];
  unrolled<rows>(QUANTRING_BODY(r) {
    unrolled<vectors>(QUANTRING_BODY(v) {
      sums[r][v] = add ? load(c + r * c_stride + v * lanes) : Vector{};
      if (bias) sums[r][v] += load(bias + v * lanes);
    });
  });
  for (std::int64_t k = 0; k < depth; ++k, b += panel) {
    Vector row[vectors];
    unrolled<vectors>(QUANTRING_BODY(v) { row[v] = load(b + v * lanes); });
    unrolled<rows>(QUANTRING_BODY(r) {
      const Vector value = broadcast(a[r * a_stride + k]);
      unrolled<vectors>(
          QUANTRING_BODY(v) { sums[r][v] = multiply_add(value, row[v], sums[r][v]); });
    });
  }
  unrolled<rows>(QUANTRING_BODY(r) {
    unrolled<vectors>(QUANTRING_BODY(v) { store(c + r * c_stride + v * lanes, sums[r][v]); });
  });
}

using MultiplyTile = void (*)(std::int64_t, const float*, std::int64_t, const float*, const float*,
                              bool, float*, std::int64_t);

// multiply_tile for every height and width, [rows - 1][vectors - 1].
struct TileTable {
  MultiplyTile at[tile_rows][tile_vectors];
};

template <int rows = tile_rows, int vectors = tile_vectors>
constexpr void fill(TileTable& table) {
  table.at[rows - 1][vectors - 1] = multiply_tile<rows, vectors>;
  if constexpr (vectors > 1) {
    fill<rows, vectors - 1>(table);
  } else if constexpr (rows > 1) {
    fill<rows - 1, tile_vectors>(table);
  }
}

constexpr TileTable tile_table = [] {
  TileTable table{};
  fill(table);
  return table;
}();

// One row of a tile, still in the first-level cache.
template <Vector (*function)(Vector)>
void apply_to_row(float* c, std::int64_t cols) {
  std::int64_t i = 0;
  for (; i + lanes <= cols; i += lanes) store(c + i, function(load(c + i)));
  if (i < cols) store_first(c + i, cols - i, function(load_first(c + i, cols - i, 0)));
}

void activate(int activation, std::int64_t rows, std::int64_t cols, float* c,
              std::int64_t c_stride) {
  for (std::int64_t r = 0; r < rows; ++r, c += c_stride) {
    if (activation == 1) apply_to_row<gelu_erf>(c, cols);
    if (activation == 2) apply_to_row<gelu_tanh>(c, cols);
    if (activation == 3) apply_to_row<gelu_quick>(c, cols);
  }
}

// One tile of at most tile_rows rows and `cols` <= panel columns.
void run_tile(const Product& p, std::int64_t rows, std::int64_t cols, std::int64_t depth,
              const float* a, const float* b, const float* bias, bool add, float* c) {
  const std::int64_t vectors = (cols + lanes - 1) / lanes;
  const MultiplyTile multiply = tile_table.at[rows - 1][vectors - 1];
  if (cols % lanes == 0) {
    multiply(depth, a, p.a_stride, b, bias, add, c, p.c_stride);
    return;
  }
  // The last vector exceeds c: compute in a copy.
  float copy[tile_rows * panel] = {};
  if (add) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < cols; ++i) copy[r * panel + i] = c[r * p.c_stride + i];
    }
  }
  multiply(depth, a, p.a_stride, b, bias, add, copy, panel);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < cols; ++i) c[r * p.c_stride + i] = copy[r * panel + i];
  }
}

void gemm(const Product& p) {
  const std::int64_t tiles = (p.rows + tile_rows - 1) / tile_rows;
  for (std::int64_t k = 0; k < p.depth; k += depth_block) {
    const std::int64_t left = p.depth - k;
    const std::int64_t depth = left < depth_block ? left : depth_block;
    const bool first = k == 0, last = left <= depth_block;
    for (std::int64_t col = 0; col < p.cols; col += panel) {
      const std::int64_t cols = p.cols - col < panel ? p.cols - col : panel;
      const float* const b = p.b + col * p.depth + k * panel;
      const float* const bias = first && p.bias ? p.bias + col : nullptr;
      for (std::int64_t tile = 0; tile < tiles; ++tile) {
        // Rows are divided evenly: a last tile of one row would be inefficient.
        const std::int64_t row = p.rows * tile / tiles, end = p.rows * (tile + 1) / tiles;
        float* const c = p.c + row * p.c_stride + col;
        run_tile(p, end - row, cols, depth, p.a + row * p.a_stride + k, b, bias, !first || p.add,
                 c);
        if (last) activate(p.activation, end - row, cols, c, p.c_stride);
      }
    }
  }
}

// b[n, k] with rows of `stride` floats into panels [n / panel][k][panel].
void pack_transposed(const float* b, std::int64_t stride, std::int64_t n, std::int64_t k,
                     float* packed) {
  constexpr std::int64_t run = 32;
  for (std::int64_t first = 0; first < n; first += panel, packed += k * panel) {
    const std::int64_t cols = n - first < panel ? n - first : panel;
    const float* const rows = b + first * stride;
    // Copies a cache line or more of each row at a time, for locality on both sides.
    for (std::int64_t i = 0; i < k; i += run) {
      const std::int64_t end = k - i < run ? k : i + run;
      for (std::int64_t c = 0; c < panel; ++c) {
        for (std::int64_t j = i; j < end; ++j) {
          packed[j * panel + c] = c < cols ? rows[c * stride + j] : 0.0f;
        }
      }
    }
  }
}

// b[k, n] with rows of `stride` floats into the same panels.
void pack(const float* b, std::int64_t stride, std::int64_t n, std::int64_t k, float* packed) {
  for (std::int64_t first = 0; first < n; first += panel, packed += k * panel) {
    const std::int64_t cols = n - first < panel ? n - first : panel;
    for (std::int64_t i = 0; i < k; ++i) {
      const float* const row = b + i * stride + first;
      float* const target = packed + i * panel;
      for (std::int64_t c = 0; c < cols; ++c) target[c] = row[c];
      for (std::int64_t c = cols; c < panel; ++c) target[c] = 0;
    }
  }
}

}  // namespace
}  // namespace quantring::cpu
