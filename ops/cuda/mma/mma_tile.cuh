#pragma once
// Parts of a block's product: copying tiles to shared memory, multiplying them in a warp's
// registers, adding the sums of blocks that share a tile of y.

#include "ops/cuda/mma/mma_product.h"
#include "ops/cuda/tensor_core.cuh"

namespace quantring::cuda::mma {

// Copies one step of a tile; rows and columns beyond the matrix become zeros.
template <int tile_rows, int threads>
struct TileCopy {
  static constexpr int rows_at_once = threads / 8;
  static constexpr int copies = tile_rows / rows_at_once;
  static_assert(copies * rows_at_once == tile_rows);
  const char* source;
  std::int64_t stride;  // between this thread's copies, in bytes
  int column, in;
  unsigned present = 0;  // a bit for each copy whose row exists
  std::uint32_t target;

  __device__ TileCopy(const void* matrix, int row0, int rows, int depth_in) : in(depth_in) {
    const int row = static_cast<int>(threadIdx.x) / 8, chunk = static_cast<int>(threadIdx.x) % 8;
    column = chunk * 8;
    source = static_cast<const char*>(matrix) + (std::int64_t{row0 + row} * in + column) * 2;
    stride = std::int64_t{rows_at_once} * in * 2;
#pragma unroll
    for (int i = 0; i < copies; ++i) {
      present |= row0 + row + i * rows_at_once < rows ? 1u << i : 0;
    }
    // rows_at_once is a multiple of 8: all copies of a thread have the same offset in their rows.
    target = static_cast<std::uint32_t>(row * 128 + (chunk ^ (row % 8)) * 16);
  }

  __device__ void operator()(std::uint32_t tile, int step) const {
    const unsigned now = step * depth + column < in ? present : 0;
    const char* from = source + std::int64_t{step} * (depth * 2);
#pragma unroll
    for (int i = 0; i < copies; ++i) {
      copy_async(tile + target + static_cast<std::uint32_t>(i * rows_at_once * 128), from,
                 now >> i & 1u);
      from += stride;
    }
  }
};

// The sums of one warp: m16 x n8 pieces, in mma's layout.
template <class T, int rows, int columns>
struct WarpTile {
  static constexpr int m = rows / 16, n = columns / 8;
  float sums[m * n * 4] = {};
  std::uint32_t a[2][m][4], b[2][n / 2][4];

  // Reads 16 of the depth: chunks 2 * part and 2 * part + 1 of the rows that begin at a_row, b_row.
  __device__ void load(int which, std::uint32_t a_rows, std::uint32_t b_rows, int part) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const auto a_chunk = static_cast<std::uint32_t>(((part * 2 + lane / 16) ^ (lane % 8)) * 16);
    const auto b_chunk = static_cast<std::uint32_t>(((part * 2 + lane / 8 % 2) ^ (lane % 8)) * 16);
#pragma unroll
    for (int i = 0; i < m; ++i) {
      load_matrices(a[which][i], a_rows + static_cast<std::uint32_t>(i * 16 * 128) + a_chunk);
    }
#pragma unroll
    for (int j = 0; j < n / 2; ++j) {
      load_matrices(b[which][j], b_rows + static_cast<std::uint32_t>(j * 16 * 128) + b_chunk);
    }
  }
  __device__ void multiply_loaded(int which) {
#pragma unroll
    for (int i = 0; i < m; ++i) {
#pragma unroll
      for (int j = 0; j < n; ++j) {
        multiply<T>(sums + (i * n + j) * 4, a[which][i], b[which][j / 2][j % 2 * 2],
                    b[which][j / 2][j % 2 * 2 + 1]);
      }
    }
  }
};

// Adds the parts of a tile's depth through memory. True in the block that finished last, whose sums
// are then complete. The order is fixed, so that the bits do not depend on scheduling.
template <class Sums>
__device__ inline bool add_parts(const Product& p, Sums& sums, int threads, unsigned* last) {
  const unsigned parts = gridDim.z;
  const unsigned tiles = gridDim.x * gridDim.y, tile = blockIdx.y * gridDim.x + blockIdx.x;
  constexpr int count = sizeof(Sums) / sizeof(float4);
  float4* const mine = reinterpret_cast<float4*>(&sums);
  const auto place = [&](unsigned part) {
    return reinterpret_cast<float4*>(p.partials) +
           (static_cast<std::size_t>(part) * tiles + tile) *
               static_cast<unsigned>(count * threads) +
           threadIdx.x;
  };
  float4* const out = place(blockIdx.z);
#pragma unroll
  for (int i = 0; i < count; ++i) __stcg(out + i * threads, mine[i]);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    *last = atomicAdd(p.arrivals + tile, 1u) == parts - 1;
    if (*last) p.arrivals[tile] = 0;
  }
  __syncthreads();
  if (!*last) return false;
  __threadfence();
#pragma unroll
  for (int i = 0; i < count; ++i) mine[i] = __ldcg(place(0) + i * threads);
  for (unsigned part = 1; part < parts; ++part) {
    const float4* const other = place(part);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const float4 v = __ldcg(other + i * threads);
      mine[i].x += v.x, mine[i].y += v.y, mine[i].z += v.z, mine[i].w += v.w;
    }
  }
  return true;
}

}  // namespace quantring::cuda::mma
