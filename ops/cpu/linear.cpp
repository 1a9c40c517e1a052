#include "ops/cpu/linear.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "ops/cpu/kernels.h"
#include "ops/cpu/memory.h"
#include "ops/cpu/thread_pool.h"
#include "ops/half.h"

namespace quantring::cpu {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

// The part of y that one block of parallel_for computes. The values do not depend on the tile size,
// so it is chosen for speed: the rows of x in use and the tile of y fit into the second-level
// cache.
constexpr std::int64_t tile_rows = 96;
constexpr std::int64_t tile_panels = 4;

void run(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer, bool add,
         Activation activation, float* y) {
  const std::int64_t in = layer.in(), out = layer.out();
  const auto& packed = static_cast<const PackedLinear&>(*layer.weights());
  const std::int64_t tile_cols = tile_panels * kernels().panel;
  const std::int64_t across = (out + tile_cols - 1) / tile_cols;
  const std::int64_t down = (rows + tile_rows - 1) / tile_rows;
  pool.parallel_for(down * across, [&](std::int64_t tile, int) {
    // Consecutive tiles use the same weights, the larger operand.
    const std::int64_t row = rows * (tile % down) / down;
    const std::int64_t end = rows * (tile % down + 1) / down;
    const std::int64_t col = tile / down * tile_cols;
    kernels().gemm({.rows = end - row,
                    .cols = std::min(tile_cols, out - col),
                    .depth = in,
                    .a = x + row * in,
                    .a_stride = in,
                    .b = packed.weights() + col * in,
                    .bias = packed.bias() ? packed.bias() + col : nullptr,
                    .c = y + row * out + col,
                    .c_stride = out,
                    .add = add,
                    .activation = static_cast<int>(activation)});
  });
}

// target.size() values from index `first` on, as f32.
void widen(const ConstTensor& source, std::int64_t first, std::span<float> target) {
  if (source.dtype == DType::f32) {
    std::memcpy(target.data(), source.f32() + first, target.size_bytes());
  } else {
    halves_to_floats(static_cast<const std::uint16_t*>(source.data) + first, target.data(),
                     target.size());
  }
}

}  // namespace

void linear(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
            Activation activation, float* y) {
  run(pool, x, rows, layer, false, activation, y);
}

void linear_add(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
                float* y) {
  run(pool, x, rows, layer, true, Activation::none, y);
}

std::unique_ptr<float, PackedLinear::Free> PackedLinear::allocate(std::int64_t floats) {
  return std::unique_ptr<float, Free>(
      static_cast<float*>(allocate_aligned(static_cast<std::size_t>(floats) * sizeof(float))));
}

void PackedLinear::Free::operator()(float* memory) const {
  release_aligned(memory);
}

PackedLinear::PackedLinear(ThreadPool& pool, ConstTensor weight, ConstTensor bias,
                           ConstTensor scale) {
  const std::int64_t out = weight.shape[0], in = weight.shape[1], panel = kernels().panel;
  weights_ = allocate(round_up(out, panel) * in);
  pool.parallel_for((out + panel - 1) / panel, [&](std::int64_t block, int) {
    const std::int64_t first = block * panel, rows = std::min(panel, out - first);
    float* const target = weights_.get() + first * in;
    if (weight.dtype == DType::f32 && scale.data == nullptr) {
      kernels().pack_transposed(weight.f32() + first * in, in, rows, in, target);
      return;
    }
    std::vector<float> copy(static_cast<std::size_t>(rows * in));
    widen(weight, first * in, copy);
    for (std::int64_t row = 0; scale.data != nullptr && row < rows; ++row) {
      for (float& value : std::span(copy).subspan(row * in, in)) value *= scale.f32()[first + row];
    }
    kernels().pack_transposed(copy.data(), in, rows, in, target);
  });
  if (bias.data == nullptr) return;
  bias_ = allocate(round_up(out, panel));
  const std::span<float> target(bias_.get(), static_cast<std::size_t>(out));
  widen(bias, 0, target);
  for (std::size_t i = 0; scale.data != nullptr && i < target.size(); ++i) {
    target[i] *= scale.f32()[i];
  }
}

}  // namespace quantring::cpu
