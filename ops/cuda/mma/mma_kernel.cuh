#pragma once
// The product on tensor cores: each block computes a tile of y, in steps of 64 of the depth,
// pipelined through stages in shared memory (cp.async) that ldmatrix reads into registers.
//
// A tile's row of a step is 128 bytes; its eight 16-byte chunks are stored at chunk ^ (row % 8), so
// that neither the copies nor ldmatrix have bank conflicts.
//
// With few rows latency dominates: loading the first weights starts before the predecessor kernel
// ends.

#include "ops/cuda/device/launch.h"
#include "ops/cuda/mma/mma_cluster.cuh"
#include "ops/cuda/mma/mma_epilogue.cuh"
#include "ops/cuda/mma/mma_product.h"
#include "ops/cuda/mma/mma_tile.cuh"

namespace quantring::cuda::mma {

// Grid: tiles of rows, tiles of columns, parts of the depth; a cluster extends along the depth.
template <class T, int index>
__global__ void __launch_bounds__(shapes[index].threads())
    product_kernel(const __grid_constant__ Product p) {
  constexpr Shape s = shapes[index];
  constexpr int threads = s.threads(), stages = s.stages;
  constexpr int warp_rows = s.rows / s.warps_m, warp_columns = s.columns / s.warps_n;
  constexpr int a_tile = s.rows * 128, b_tile = s.columns * 128;
  constexpr int staged_width = s.columns + 8;  // floats; 8 avoid bank conflicts
  extern __shared__ __align__(128) unsigned char shared[];
  const std::uint32_t base = shared_address(shared);

  const int total = steps(p.in);
  const int first = total * static_cast<int>(blockIdx.z) / static_cast<int>(gridDim.z);
  const int count = total * static_cast<int>(blockIdx.z + 1) / static_cast<int>(gridDim.z) - first;
  const int row0 = static_cast<int>(blockIdx.x) * s.rows;
  const int column0 = static_cast<int>(blockIdx.y) * s.columns;

  const auto a_at = [&](int step) {  // step: counted from `first`
    return base + static_cast<std::uint32_t>(step % stages * (a_tile + b_tile));
  };
  const auto b_at = [&](int step) { return a_at(step) + a_tile; };
  float* const bias = reinterpret_cast<float*>(shared + tile_bytes(s));
  auto* const last = reinterpret_cast<unsigned*>(bias + s.columns);

  const TileCopy<s.columns, threads> copy_b(p.weights, column0, p.out, p.in);
  const TileCopy<s.rows, threads> copy_a(p.x, row0, p.rows, p.in);
#pragma unroll
  for (int step = 0; step < stages - 1; ++step) {
    if (step < count) copy_b(b_at(step), first + step);
  }
  for (int i = static_cast<int>(threadIdx.x); i < s.columns; i += threads) {
    bias[i] = p.bias != nullptr && column0 + i < p.out ? p.bias[column0 + i] : 0;
  }
  wait_for_predecessor();
  release_successor();

#pragma unroll
  for (int step = 0; step < stages - 1; ++step) {
    if (step < count) copy_a(a_at(step), first + step);
    commit_copies();
  }

  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int warp_k = warp % s.warps_k, warp_n = warp / s.warps_k % s.warps_n;
  const int warp_m = warp / s.warps_k / s.warps_n;
  const auto a_row = static_cast<std::uint32_t>((warp_m * warp_rows + lane % 16) * 128);
  const auto b_row =
      static_cast<std::uint32_t>((warp_n * warp_columns + lane % 8 + lane / 16 * 8) * 128);
  WarpTile<T, warp_rows, warp_columns> tile;
  for (int step = 0; step < count; ++step) {
    wait_copies<stages - 2>();
    __syncthreads();
    // Into the stage that the previous step read: the barrier above came after those reads.
    const int next = step + stages - 1;
    if (next < count) {
      copy_b(b_at(next), first + next);
      copy_a(a_at(next), first + next);
    }
    commit_copies();
    const std::uint32_t a = a_at(step) + a_row, b = b_at(step) + b_row;
    constexpr int parts = 4 / s.warps_k;
    tile.load(0, a, b, warp_k);
#pragma unroll
    for (int i = 0; i < parts; ++i) {
      if (i + 1 < parts) tile.load((i + 1) % 2, a, b, (i + 1) * s.warps_k + warp_k);
      tile.multiply_loaded(i % 2);
    }
  }

  const bool through_memory = gridDim.z > 1 && p.cluster == 1;
  if (through_memory && !add_parts(p, tile.sums, threads, last)) return;

  // The sums of all warps, in shared memory, which the tiles no longer need.
  wait_copies<0>();
  __syncthreads();
  float* const staged = reinterpret_cast<float*>(shared);
#pragma unroll
  for (int i = 0; i < tile.m; ++i) {
#pragma unroll
    for (int j = 0; j < tile.n; ++j) {
      const int row = warp_k * s.rows + warp_m * warp_rows + i * 16 + lane / 4;
      const int column = warp_n * warp_columns + j * 8 + lane % 4 * 2;
      float* const at = staged + row * staged_width + column;
      const float* const sum = tile.sums + (i * tile.n + j) * 4;
      *reinterpret_cast<float2*>(at) = make_float2(sum[0], sum[1]);
      *reinterpret_cast<float2*>(at + 8 * staged_width) = make_float2(sum[2], sum[3]);
    }
  }
  // In groups of four columns; in a cluster each block does its share. Many old values of y
  // are loaded at a time, to wait for memory once.
  const int rank = p.cluster > 1 ? static_cast<int>(blockIdx.z) : 0;
  const int ranks = p.cluster > 1 ? p.cluster : 1;
  constexpr int width = s.columns / 4, items = s.rows * width / threads;
  constexpr int batch = items > 10 ? items / 2 : items;
  static_assert(items * threads == s.rows * width && items % batch == 0);
  uint4 old[batch];
  const auto place = [&](int item, int& row, int& column) {
    const int i = (rank + item * ranks) * threads + static_cast<int>(threadIdx.x);
    row = i / width;
    column = i % width * 4;
    return row < s.rows && row0 + row < p.rows && column0 + column < p.out;
  };
  const auto ask = [&](int start) {
#pragma unroll
    for (int j = 0; j < batch; ++j) {
      int row, column;
      if (place(start + j, row, column)) old[j] = load_old(p, row0 + row, column0 + column);
    }
  };
  const bool reads = p.accumulate && p.vector_y;
  if (reads) ask(0);
  if (ranks > 1) {
    arrive_at_cluster();
    wait_for_cluster();
  } else {
    __syncthreads();
  }
  for (int start = 0; start * ranks < items; start += batch) {
    if (reads && start > 0) ask(start);
#pragma unroll
    for (int j = 0; j < batch; ++j) {
      int row, column;
      if (!place(start + j, row, column)) continue;
      float4 sum = make_float4(0, 0, 0, 0);
      const auto add = [&](float4 v) { sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w; };
#pragma unroll
      for (int k = 0; k < s.warps_k; ++k) {
        const float* const at = staged + (k * s.rows + row) * staged_width + column;
        if (ranks == 1) {
          add(*reinterpret_cast<const float4*>(at));
          continue;
        }
        float4 v[max_parts];
#pragma unroll
        for (int from = 0; from < max_parts; ++from) {
          if (from < ranks) v[from] = load_cluster(cluster_address(shared_address(at), from));
        }
#pragma unroll
        for (int from = 0; from < max_parts; ++from) {
          if (from < ranks) add(v[from]);
        }
      }
      const float4 b = *reinterpret_cast<const float4*>(bias + column);
      if (p.f32_y) {
        finish<float>(p, row0 + row, column0 + column, sum, b, old[j]);
      } else {
        finish<T>(p, row0 + row, column0 + column, sum, b, old[j]);
      }
    }
  }
  if (ranks > 1) {  // other blocks may still read this block's sums
    arrive_at_cluster();
    wait_for_cluster();
  }
}

template <class T, int... index>
Kernel kernel_at(int shape, std::integer_sequence<int, index...>) {
  Kernel kernel = nullptr;
  ((shape == index ? void(kernel = product_kernel<T, index>) : void()), ...);
  return kernel;
}

}  // namespace quantring::cuda::mma
