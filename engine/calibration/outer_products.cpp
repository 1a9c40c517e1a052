#include "engine/calibration/outer_products.h"

#include <algorithm>

#include "ops/cpu/kernels.h"
#include "ops/cpu/thread_pool.h"

namespace quantring {
namespace {

constexpr std::int64_t block_rows = 256;  // summed in f32
constexpr std::int64_t tile = 48;         // rows of the result that one worker computes

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

std::int64_t scratch_floats(std::int64_t dim) {  // of one worker
  return round_up(tile * (block_rows + dim), 16);
}

}  // namespace

OuterProducts::OuterProducts(Context& context, std::int64_t dim)
    : context_(context),
      dim_(dim),
      packed_(static_cast<std::size_t>(round_up(dim, cpu::kernels().panel) * block_rows)),
      scratch_(static_cast<std::size_t>(context.threads() * scratch_floats(dim))) {}

void OuterProducts::add(const float* rows, std::int64_t count, std::span<double> totals) {
  for (std::int64_t first = 0; first < count; first += block_rows) {
    add_block(rows + first * dim_, std::min(block_rows, count - first), totals.data());
  }
}

void OuterProducts::add_block(const float* rows, std::int64_t count, double* totals) {
  const cpu::Kernels& run = cpu::kernels();
  const std::int64_t dim = dim_, panel = run.panel;
  context_.pool().parallel_for(round_up(dim, panel) / panel, [&](std::int64_t index, int) {
    const std::int64_t col = index * panel;
    run.pack(rows + col, dim, std::min(panel, dim - col), count, packed_.data() + col * count);
  });
  context_.pool().parallel_for(round_up(dim, tile) / tile, [&](std::int64_t index, int worker) {
    const std::int64_t first = index * tile, height = std::min(tile, dim - first);
    const std::int64_t col = first / panel * panel, cols = dim - col;  // none below the diagonal
    float* const transposed = scratch_.data() + worker * scratch_floats(dim);
    float* const product = transposed + tile * block_rows;
    for (std::int64_t r = 0; r < count; ++r) {
      for (std::int64_t i = 0; i < height; ++i) {
        transposed[i * count + r] = rows[r * dim + first + i];
      }
    }
    run.gemm({.rows = height,
              .cols = cols,
              .depth = count,
              .a = transposed,
              .a_stride = count,
              .b = packed_.data() + col * count,
              .bias = nullptr,
              .c = product,
              .c_stride = cols,
              .add = false,
              .activation = 0});
    for (std::int64_t i = 0; i < height; ++i) {
      double* const target = totals + (first + i) * dim + col;
      const float* const source = product + i * cols;
      for (std::int64_t c = 0; c < cols; ++c) target[c] += static_cast<double>(source[c]);
    }
  });
}

}  // namespace quantring
