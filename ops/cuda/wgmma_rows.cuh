#pragma once
// A folded layer behind a norm for few rows: each block takes 64 rows of the residual stream, norms
// them on their way to shared memory, where they stay, and multiplies them by `columns` rows of W,
// which have begun to arrive while the predecessor still computes the stream.

#include "ops/cuda/launch.h"
#include "ops/cuda/wgmma_epilogue.cuh"
#include "ops/cuda/wgmma_instruction.cuh"
#include "ops/cuda/wgmma_pipeline.cuh"
#include "ops/cuda/wgmma_tile.cuh"

namespace quantring::cuda {

// Warps 0 to 3 multiply; all eight norm rows.
template <int columns_>
struct WgmmaRows {
  static constexpr int columns = columns_, blocks = 1, rows = 64, threads = 256;
  static constexpr bool norm = false;            // when it comes to the epilogue
  static constexpr int step_bytes = rows * 128;  // of x
  static constexpr int w_bytes = columns * 128;
  static constexpr bool swizzled = columns % 64 == 0;
  static constexpr int box_columns_16 = swizzled ? 64 : 48;
  static constexpr int box_bytes = 16 * 2 * box_columns_16, boxes = columns / box_columns_16;
  static_assert(columns % box_columns_16 == 0 && 4 * boxes * box_bytes == w_bytes);
};

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

// Norms 8 rows of x and lays them out as wgmma reads them: steps of 64 columns, swizzled; zeros
// beyond x. The mean first, then the variance about it, as layer_norm() does.
template <class T>
__device__ inline void norm_rows(const WgmmaArguments& a, std::uint32_t target, int first_row,
                                 int block_row, int lane) {
  constexpr int together = 4, most = wgmma_rows_most_in / 256;  // rows; pieces of 16 bytes a lane
  const int pieces = a.in / 8;
#pragma unroll 1
  for (int begin = 0; begin < 8; begin += together) {
    uint4 raw[together][most];
#pragma unroll
    for (int r = 0; r < together; ++r) {
      const int row = block_row + first_row + begin + r;
      const auto* source = static_cast<const uint4*>(a.x) + std::int64_t{row} * pieces;
#pragma unroll
      for (int j = 0; j < most; ++j) {
        const int piece = lane + 32 * j;
        raw[r][j] = row < a.rows && piece < pieces ? source[piece] : make_uint4(0, 0, 0, 0);
      }
    }
    float mean[together], scale[together];
#pragma unroll
    for (int r = 0; r < together; ++r) {
      float sum = 0;
#pragma unroll
      for (int j = 0; j < most; ++j) {
        const std::uint32_t pairs[4] = {raw[r][j].x, raw[r][j].y, raw[r][j].z, raw[r][j].w};
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const float2 v = unpack<T>(pairs[e]);
          sum += v.x + v.y;
        }
      }
      mean[r] = sum;
    }
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
#pragma unroll
      for (int r = 0; r < together; ++r) mean[r] += __shfl_xor_sync(~0u, mean[r], distance);
    }
#pragma unroll
    for (int r = 0; r < together; ++r) {
      mean[r] /= static_cast<float>(a.in);
      float square = 0;
#pragma unroll
      for (int j = 0; j < most; ++j) {
        if (lane + 32 * j >= pieces) continue;
        const std::uint32_t pairs[4] = {raw[r][j].x, raw[r][j].y, raw[r][j].z, raw[r][j].w};
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const float2 v = unpack<T>(pairs[e]);
          square = fmaf(v.x - mean[r], v.x - mean[r], square);
          square = fmaf(v.y - mean[r], v.y - mean[r], square);
        }
      }
      scale[r] = square;
    }
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
#pragma unroll
      for (int r = 0; r < together; ++r) scale[r] += __shfl_xor_sync(~0u, scale[r], distance);
    }
#pragma unroll
    for (int r = 0; r < together; ++r) {
      scale[r] = rsqrtf(scale[r] / static_cast<float>(a.in) + a.eps);
      const int row = first_row + begin + r;
#pragma unroll
      for (int j = 0; j < most; ++j) {
        const int piece = lane + 32 * j;
        if (piece >= 8 * a.steps) continue;
        const std::uint32_t pairs[4] = {raw[r][j].x, raw[r][j].y, raw[r][j].z, raw[r][j].w};
        std::uint32_t out[4];
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const float2 v = unpack<T>(pairs[e]);
          out[e] =
              piece < pieces ? pack<T>((v.x - mean[r]) * scale[r], (v.y - mean[r]) * scale[r]) : 0u;
        }
        shared_store(target + piece / 8 * (64 * 128) + row * 128 + ((piece % 8 ^ row % 8) << 4),
                     make_uint4(out[0], out[1], out[2], out[3]));
      }
    }
  }
}

#endif

template <class Tile, class T, WgmmaEpilogue kind>
__global__ void __launch_bounds__(Tile::threads, 1)
    wgmma_rows_product(const __grid_constant__ CUtensorMap, const __grid_constant__ CUtensorMap w,
                       const __grid_constant__ CUtensorMap y,
                       const __grid_constant__ WgmmaArguments a) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ __align__(1024) unsigned char memory[];
  const std::uint32_t x_tile = shared_address(memory), ring = x_tile + a.steps * Tile::step_bytes;
  const std::uint32_t bias = ring + a.stages * Tile::w_bytes, full = bias + 4 * Tile::columns;
  const std::uint32_t empty = full + 8 * a.stages;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = threadIdx.x % 32;
  const int row = static_cast<int>(blockIdx.x) / a.column_units * Tile::rows;
  const int column = static_cast<int>(blockIdx.x) % a.column_units * Tile::columns;
  const auto load = [&](int step) {
    const int stage = step % a.stages;
    barrier_expect(full + 8 * stage, Tile::w_bytes);
    tensor_load(ring + stage * Tile::w_bytes, &w, 64 * step, column, full + 8 * stage);
  };
  if (threadIdx.x == 128) {
    for (int i = 0; i < a.stages; ++i) {
      barrier_init(full + 8 * i, 1);
      barrier_init(empty + 8 * i, 4);
    }
    barrier_init_done();
    for (int i = 0; i < a.stages; ++i) load(i);  // weights: before the predecessor has ended
    prefetch_map(&y);
  }
  release_successor();
  for (int i = threadIdx.x; i < Tile::columns; i += Tile::threads) {
    shared_store(bias + 4 * i,
                 a.bias != nullptr && column + i < a.out ? __ldg(a.bias + column + i) : 0.0f);
  }
  wait_for_predecessor();
  norm_rows<T>(a, x_tile, 8 * warp, row, lane);
  fence_shared_writes();
  __syncthreads();
  if (warp >= 4) {
    if (threadIdx.x == 128) {
      for (int step = a.stages; step < a.steps; ++step) {
        barrier_wait(empty + 8 * (step % a.stages), (step / a.stages - 1) % 2);
        load(step);
      }
    }
    return;
  }
  float d[Tile::columns / 2];
  pin(d);
  for (int step = 0; step < a.steps; ++step) {
    const int stage = step % a.stages;
    barrier_wait(full + 8 * stage, step / a.stages % 2);
    const std::uint64_t left = matrix_descriptor(x_tile + step * Tile::step_bytes);
    const std::uint64_t right = matrix_descriptor(ring + stage * Tile::w_bytes);
    wgmma_begin();
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      Wgmma<T, Tile::columns>::run(d, left + 2 * k, right + 2 * k, step > 0 || k > 0);
    }
    wgmma_commit();
    wgmma_wait<1>();
    if (step > 0 && lane == 0) barrier_arrive(empty + 8 * ((step - 1) % a.stages));
  }
  wgmma_wait<0>();
  pin(d);
  asm volatile("bar.sync 1, 128;" ::: "memory");  // from here y's boxes lie where the weights did
  WgmmaWriter<Tile, T, T, kind> writer(&y, a, ring + warp * Tile::boxes * Tile::box_bytes, 0);
  writer.begin(row + 16 * warp, column);
  writer.take(bias, 0);
  writer.template write<0>(d);
  writer.end();
#endif
}

template <class T, int columns>
constexpr WgmmaChoice wgmma_rows_choice(const char* name) {
  using Tile = WgmmaRows<columns>;
  WgmmaChoice choice{};
  choice.name = name;
  choice.rows = Tile::rows;
  choice.columns = columns;
  choice.box_columns = Tile::box_columns_16;
  choice.cluster = 1;
  choice.threads = Tile::threads;
  choice.resident = true;
  choice.norm[0] = wgmma_rows_product<Tile, T, WgmmaEpilogue::plain>;
  choice.norm[1] = wgmma_rows_product<Tile, T, WgmmaEpilogue::gelu_erf>;
  choice.norm[2] = wgmma_rows_product<Tile, T, WgmmaEpilogue::other_gelu>;
  return choice;
}

}  // namespace quantring::cuda
