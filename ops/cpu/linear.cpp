#include "ops/cpu/linear.h"

#include <algorithm>

#include "ops/cpu/kernels.h"
#include "ops/cpu/matmul.h"
#include "ops/cpu/thread_pool.h"

namespace quantring::cpu {
namespace {

// One tile of y is one product and, while it is still in the cache, its bias and activation.
constexpr std::int64_t tile_rows = 256;
constexpr std::int64_t tile_cols = 256;

// Calls work(first row, rows, first column, columns) for every tile of [rows, cols].
template <class Work>
void for_each_tile(ThreadPool& pool, std::int64_t rows, std::int64_t cols, const Work& work) {
  const std::int64_t across = (cols + tile_cols - 1) / tile_cols;
  const std::int64_t down = (rows + tile_rows - 1) / tile_rows;
  pool.parallel_for(down * across, [&](std::int64_t tile, int) {
    const std::int64_t row = tile / across * tile_rows;
    const std::int64_t col = tile % across * tile_cols;
    work(row, std::min(tile_rows, rows - row), col, std::min(tile_cols, cols - col));
  });
}

}  // namespace

void linear(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
            Activation activation, float* y) {
  const std::int64_t in = layer.in(), out = layer.out();
  const float* const weight = layer.weight().f32();
  const float* const bias = layer.bias().f32();
  const auto finish = kernels().bias_activation[static_cast<int>(activation)];
  for_each_tile(
      pool, rows, out, [&](std::int64_t row, std::int64_t m, std::int64_t col, std::int64_t n) {
        float* const tile = y + row * out + col;
        matmul_transposed(m, n, in, 1.0f, x + row * in, in, weight + col * in, in, 0.0f, tile, out);
        finish(tile, out, bias ? bias + col : nullptr, m, n);
      });
}

void linear_residual(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
                     float* y) {
  const std::int64_t in = layer.in(), out = layer.out();
  const float* const weight = layer.weight().f32();
  const float* const bias = layer.bias().f32();
  const auto add_bias = kernels().bias_activation[static_cast<int>(Activation::none)];
  for_each_tile(
      pool, rows, out, [&](std::int64_t row, std::int64_t m, std::int64_t col, std::int64_t n) {
        float* const tile = y + row * out + col;
        add_bias(tile, out, bias ? bias + col : nullptr, m, n);
        matmul_transposed(m, n, in, 1.0f, x + row * in, in, weight + col * in, in, 1.0f, tile, out);
      });
}

}  // namespace quantring::cpu
