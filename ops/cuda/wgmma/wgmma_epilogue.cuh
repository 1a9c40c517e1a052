#pragma once
// From accumulators to y: the norm's mean and scale, bias, activation or the old y and the sums of
// rows, rounding, and stores through shared memory, 16 rows by 128 bytes at a time and separately
// for each warp, so that no warp waits for another.

#include <type_traits>

#include "ops/cuda/number.h"
#include "ops/cuda/wgmma/wgmma_pipeline.cuh"
#include "ops/cuda/wgmma/wgmma_tile.cuh"

namespace quantring::cuda {

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900

// x Phi(x) = max(x, 0) - |x| Q(|x|), where Q(t) = erfc(t / sqrt 2) / 2 is 2 to the power of a
// polynomial, fitted on [0, 5.5] for the minimal absolute error of t Q(t), 5e-7, and decreasing
// beyond: six FMA-like instructions and one exp2, which runs beside them.
__device__ inline float wgmma_gelu_erf(float x) {
  const float t = fabsf(x);
  float p = -0.0004732975359f;
  p = fmaf(p, t, 0.007084485359f);
  p = fmaf(p, t, -0.05182722768f);
  p = fmaf(p, t, -0.4599925828f);
  p = fmaf(p, t, -1.150787797f);
  p = fmaf(p, t, -1.000037629f);
  return fmaf(-t, power_of_two(p), fmaxf(x, 0.0f));
}

// x sigmoid(s): of the tanh form s = 2 sqrt(2 / pi) (x + 0.044715 x^3), of the quick one 1.702 x.
__device__ inline float wgmma_other_gelu(float x, bool quick) {
  constexpr float log2_e = 1.44269504f;
  const float s = quick ? -1.702f * log2_e * x
                        : x * fmaf(-0.0713548163f * log2_e, x * x, -1.59576912f * log2_e);
  return __fdividef(x, 1.0f + power_of_two(fminf(s, 126.0f)));
}

template <WgmmaEpilogue kind>
__device__ inline float wgmma_activate(float value, Activation activation) {
  if constexpr (kind == WgmmaEpilogue::gelu_erf) return wgmma_gelu_erf(value);
  if constexpr (kind == WgmmaEpilogue::other_gelu) {
    return wgmma_other_gelu(value, activation == Activation::gelu_quick);
  }
  return value;
}

// The shared memory of one warp's boxes of y, and its pending stores.
template <class Tile, class T, class Y, WgmmaEpilogue kind>
class WgmmaWriter {
 public:
  static constexpr bool loads = kind == WgmmaEpilogue::add && std::is_same_v<T, Y>;
  static constexpr int box_columns = Tile::box_columns_16 * 2 / static_cast<int>(sizeof(Y));
  static constexpr int boxes_of_block = Tile::columns / box_columns;
  static constexpr int total = Tile::blocks * boxes_of_block;  // a tile's, of this warp

  // area: the warp's Tile::boxes boxes; arrived: as many barriers; first_row: of the warp in a tile
  __device__ WgmmaWriter(const CUtensorMap* y, const WgmmaArguments& arguments, std::uint32_t area,
                         std::uint32_t arrived, int first_row)
      : y_(y),
        arguments_(arguments),
        area_(area),
        arrived_(arrived),
        lane_(threadIdx.x % 32),
        first_row_(first_row) {}

  // Before the tile's products: starts loading the old y. row, column: the tile's first.
  __device__ void begin(int row, int column) {
    row_ = row + first_row_;
    column_ = column;
    if constexpr (loads) {
      if (lane_ == 0) {
        store_wait_read<0>();
#pragma unroll
        for (int i = 0; i < Tile::boxes; ++i) load(i);
      }
    }
  }

  // d: the accumulators of the tile's 64 rows number `block`.
  // parameters: the tile's, in shared memory.
  template <int block>
  __device__ void write(const float (&d)[Tile::columns / 2], std::uint32_t parameters) {
    if constexpr (kind != WgmmaEpilogue::add) {
      const std::uint32_t at =
          parameters + 8 * (Tile::columns + first_row_ + 64 * block + lane_ / 4);
      statistics_[0] = shared_load<float2>(at);
      statistics_[1] = shared_load<float2>(at + 64);
    }
#pragma unroll
    for (int box = 0; box < boxes_of_block; ++box) {
      const int index = block * boxes_of_block + box;
      const std::uint32_t columns = parameters + 4 * (box * box_columns + 2 * (lane_ % 4));
      const std::uint32_t target = area_ + (index % Tile::boxes) * Tile::box_bytes;
      if constexpr (loads) {
        barrier_wait(arrived_ + (index % Tile::boxes) * 8, parity_);
        if (index % Tile::boxes == Tile::boxes - 1) parity_ ^= 1;
      } else {
        if (lane_ == 0) store_wait_read<Tile::boxes - 1>();
        __syncwarp();
      }
      if constexpr (sizeof(Y) == 2) {
        fill_16(&d[box * box_columns / 2], columns, target);
      } else {
        fill_32(&d[box * box_columns / 2], columns, target);
      }
      fence_shared_writes();
      __syncwarp();
      if (lane_ == 0) {
        const int at_column = column_ + box * box_columns, at_row = row_ + 64 * block;
        if constexpr (kind == WgmmaEpilogue::add && !loads) {
          tensor_add(y_, at_column, at_row, target);
        } else {
          tensor_store(y_, at_column, at_row, target);
        }
        store_commit();
        if constexpr (loads) {
          if (index + Tile::boxes < total) {
            store_wait_read<0>();
            load(index + Tile::boxes);
          }
        }
      }
    }
    if constexpr (loads) {
      if (arguments_.sums_of_y != nullptr) leave_sums(row_ + 64 * block);
    }
  }

  __device__ void end() {
    if (lane_ == 0) store_wait_read<0>();
  }

 private:
  __device__ void load(int index) {
    const std::uint32_t barrier = arrived_ + (index % Tile::boxes) * 8;
    barrier_expect(barrier, Tile::box_bytes);
    tensor_load(area_ + (index % Tile::boxes) * Tile::box_bytes, y_,
                column_ + index % boxes_of_block * box_columns,
                row_ + 64 * (index / boxes_of_block), barrier);
  }

  // Of two columns: bias and the weights' sums.
  struct Columns {
    float2 bias, weight_sums;
  };
  // columns: the first's bias, in shared memory.
  __device__ static Columns load_columns(std::uint32_t columns) {
    Columns loaded{shared_load<float2>(columns), {}};
    if constexpr (kind != WgmmaEpilogue::add) {
      loaded.weight_sums = shared_load<float2>(columns + 4 * Tile::columns);
    }
    return loaded;
  }

  // half: which of this thread's two rows of 16.
  __device__ float finish(float value, int half, float bias, float weight_sum) const {
    if constexpr (kind == WgmmaEpilogue::add) return fmaf(value, arguments_.alpha, bias);
    const float2 statistics = statistics_[half];
    return wgmma_activate<kind>(fmaf(fmaf(-statistics.x, weight_sum, value), statistics.y, bias),
                                arguments_.activation);
  }

  // Of the rows `row` and row + 8, over this tile's columns, which four lanes share.
  __device__ void leave_sums(int row) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float2& sums = sums_[half];
#pragma unroll
      for (int distance = 1; distance < 4; distance *= 2) {
        sums.x += __shfl_xor_sync(~0u, sums.x, distance);
        sums.y += __shfl_xor_sync(~0u, sums.y, distance);
      }
      const int at = row + 8 * half + lane_ / 4;
      if (lane_ % 4 == 0 && at < arguments_.rows) {
        arguments_
            .sums_of_y[static_cast<std::size_t>(column_ / Tile::columns) * arguments_.rows + at] =
            sums;
      }
      sums = make_float2(0, 0);
    }
  }

  // Stores of 16 by 16, in pieces of 16 bytes.
  __device__ void fill_16(const float* d, std::uint32_t columns, std::uint32_t target) {
    const int row = lane_ % 16, piece = lane_ / 16;
#pragma unroll
    for (int i = 0; i < box_columns / 16; ++i) {
      const std::uint32_t address = Tile::swizzled
                                        ? target + row * 128 + (((2 * i + piece) ^ (row % 8)) << 4)
                                        : target + row * (2 * box_columns) + 32 * i + 16 * piece;
      float v[8];
#pragma unroll
      for (int e = 0; e < 8; e += 2) {
        const Columns c = load_columns(columns + 4 * (16 * i + e / 4 * 8));
        v[e] = finish(d[8 * i + e], e / 2 % 2, c.bias.x, c.weight_sums.x);
        v[e + 1] = finish(d[8 * i + e + 1], e / 2 % 2, c.bias.y, c.weight_sums.y);
      }
      if constexpr (loads) {
        std::uint32_t old[4];
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(old[0]), "=r"(old[1]), "=r"(old[2]), "=r"(old[3])
                     : "r"(address)
                     : "memory");
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const float2 pair = unpack<T>(old[e]);
          v[2 * e] += pair.x;
          v[2 * e + 1] += pair.y;
        }
        if (arguments_.sums_of_y != nullptr) {
#pragma unroll
          for (int e = 0; e < 8; ++e) {
            float2& sums = sums_[e / 2 % 2];
            sums.x += v[e];
            sums.y = fmaf(v[e], v[e], sums.y);
          }
        }
      }
      asm volatile(
          "stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
          "r"(pack<T>(v[0], v[1])), "r"(pack<T>(v[2], v[3])), "r"(pack<T>(v[4], v[5])),
          "r"(pack<T>(v[6], v[7]))
          : "memory");
    }
  }

  // 32 columns of f32.
  __device__ void fill_32(const float* d, std::uint32_t columns, std::uint32_t target) const {
    const int row = lane_ / 4, quarter = lane_ % 4;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int j = i / 2, half = i % 2;
      const Columns c = load_columns(columns + 32 * j);
      const std::uint32_t address =
          target + (row + 8 * half) * 128 + (((2 * j + quarter / 2) ^ row) << 4) + quarter % 2 * 8;
      asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(address),
                   "f"(finish(d[4 * j + 2 * half], half, c.bias.x, c.weight_sums.x)),
                   "f"(finish(d[4 * j + 2 * half + 1], half, c.bias.y, c.weight_sums.y))
                   : "memory");
    }
  }

  const CUtensorMap* y_;
  const WgmmaArguments& arguments_;
  std::uint32_t area_, arrived_;
  int lane_, first_row_;
  float2 statistics_[2] = {};  // mean and scale of this thread's two rows
  float2 sums_[2] = {};        // of the values written to them, and of their squares
  int row_ = 0, column_ = 0;
  std::uint32_t parity_ = 0;
};

#endif

}  // namespace quantring::cuda
