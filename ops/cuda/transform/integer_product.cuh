#pragma once
// A tile of a product of 16-bit integers as two planes of signed bytes, on the tensor cores: exact.
// x [rows, depth] m [cols, depth]^T, a block of 4 warps, 64 x 64 sums.

#include "ops/cuda/tensor_core.cuh"
#include "ops/cuda/transform/transform.h"

namespace quantring::cuda {

inline constexpr int product_tile = 64, product_threads = 128, product_stages = 3;
inline constexpr int product_plane_bytes = product_tile * transform_depth;
inline constexpr int product_shared_bytes = product_stages * 4 * product_plane_bytes;

// c[16, 8] += a[16, 32] b[8, 32]^T
__device__ inline void multiply_bytes(std::int32_t (&c)[4], const std::uint32_t (&a)[4],
                                      std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Chunk of 16 bytes of a row of 64, moved so that eight rows' chunks lie in different banks.
__device__ inline std::uint32_t chunk_at(int row, int chunk) {
  return static_cast<std::uint32_t>(row * transform_depth + ((chunk ^ (row >> 1 & 3)) << 4));
}

// One product of several that share a grid.
struct ByteProduct {
  const std::int8_t* x;  // [2, rows, depth], depth a multiple of transform_depth
  std::int64_t rows;
  const std::int8_t* m;  // [2, cols, depth]
  int m_cols;            // of m
  int cols;              // wanted
  int depth;
  __host__ __device__ int column_tiles() const { return (cols + product_tile - 1) / product_tile; }
  __host__ __device__ std::int64_t tiles() const {
    return (rows + product_tile - 1) / product_tile * column_tiles();
  }
};

// Calls put(row, column, sum of column, sum of the next one) for every pair that begins in bounds.
template <class Put>
__device__ void multiply_tile(const ByteProduct& p, std::int64_t tile, Put put) {
  extern __shared__ __align__(128) std::uint8_t shared[];
  const int column_tiles = p.column_tiles();
  const std::int64_t first_row = tile / column_tiles * product_tile;
  const int first_col = static_cast<int>(tile % column_tiles) * product_tile;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
  const std::uint32_t base = shared_address(shared);

  const auto load = [&](int step) {
    const std::uint32_t stage = base + step % product_stages * 4 * product_plane_bytes;
#pragma unroll
    for (int part = 0; part < 8; ++part) {  // 4 planes of 256 chunks
      const int plane = part / 2, at = part % 2 * product_threads + thread;
      const int row = at / 4, chunk = at % 4;
      const bool of_x = plane < 2;
      const std::int64_t index = (of_x ? first_row : first_col) + row;
      const std::int64_t count = of_x ? p.rows : p.m_cols;
      const std::int8_t* const source = (of_x ? p.x : p.m) + (plane % 2 * count + index) * p.depth +
                                        step * transform_depth + chunk * 16;
      copy_async(stage + plane * product_plane_bytes + chunk_at(row, chunk), source, index < count);
    }
  };

  std::int32_t high[2][4][4] = {}, mixed[2][4][4] = {}, low[2][4][4] = {};
  const int steps = p.depth / transform_depth;
#pragma unroll
  for (int step = 0; step < product_stages - 1; ++step) {
    if (step < steps) load(step);
    commit_copies();
  }
  const int warp_row = warp / 2 * 32, warp_col = warp % 2 * 32;
  for (int step = 0; step < steps; ++step) {
    wait_copies<product_stages - 2>();
    __syncthreads();
    if (step + product_stages - 1 < steps) load(step + product_stages - 1);
    commit_copies();
    const std::uint32_t stage = base + step % product_stages * 4 * product_plane_bytes;
#pragma unroll
    for (int half = 0; half < 2; ++half) {  // 32 of 64 depths
      std::uint32_t x[2][2][4], m[2][2][4];
#pragma unroll
      for (int plane = 0; plane < 2; ++plane) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const int x_row = warp_row + i * 16 + lane % 16, x_chunk = half * 2 + lane / 16;
          load_matrices(x[plane][i],
                        stage + plane * product_plane_bytes + chunk_at(x_row, x_chunk));
          const int m_row = warp_col + i * 16 + lane / 16 * 8 + lane % 8;
          const int m_chunk = half * 2 + lane / 8 % 2;
          load_matrices(m[plane][i],
                        stage + (2 + plane) * product_plane_bytes + chunk_at(m_row, m_chunk));
        }
      }
#pragma unroll
      for (int i = 0; i < 2; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const int pair = j / 2, b = j % 2 * 2;
          multiply_bytes(high[i][j], x[0][i], m[0][pair][b], m[0][pair][b + 1]);
          multiply_bytes(mixed[i][j], x[0][i], m[1][pair][b], m[1][pair][b + 1]);
          multiply_bytes(mixed[i][j], x[1][i], m[0][pair][b], m[0][pair][b + 1]);
          multiply_bytes(low[i][j], x[1][i], m[1][pair][b], m[1][pair][b + 1]);
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const std::int64_t row = first_row + warp_row + i * 16 + half * 8 + lane / 4;
        const int col = first_col + warp_col + j * 8 + lane % 4 * 2;
        const auto sum = [&](int k) {
          return static_cast<std::int32_t>((static_cast<std::uint32_t>(high[i][j][k]) << 16) +
                                           (static_cast<std::uint32_t>(mixed[i][j][k]) << 8) +
                                           static_cast<std::uint32_t>(low[i][j][k]));
        };
        if (row < p.rows && col < p.cols) put(row, col, sum(2 * half), sum(2 * half + 1));
      }
    }
  }
}

}  // namespace quantring::cuda
