#pragma once
// Arguments and tile shapes of the mma engine's kernels.

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "ops/linear.h"

namespace quantring::cuda::mma {

// y = activation(alpha * x W^T + bias), or y += alpha * x W^T + bias. Rows of x and W are
// contiguous and 16-byte aligned.
struct Product {
  const void* x;
  const void* weights;
  const float* bias;  // or null
  void* y;
  int rows, in, out;
  float alpha;
  Activation activation;
  bool accumulate, f32_y;
  bool vector_y;  // y can be read and written in groups of four elements
  // The depth is split into gridDim.z parts. Those of a tile are blocks of one cluster and are
  // added through its shared memory, or through `partials`, by the block that finishes last.
  int cluster;         // gridDim.z, or 1 for none
  float* partials;     // [gridDim.z, tiles, threads, sums of a thread]
  unsigned* arrivals;  // [tiles], zero before and after
};

// How a block computes a [rows, columns] piece of y: the warps' grid over it, and how many of them
// share the depth of each step (64). `stages` steps are loading or in use.
struct Shape {
  int rows, columns, warps_m, warps_n, warps_k, stages;
  __host__ __device__ constexpr int threads() const { return warps_m * warps_n * warps_k * 32; }
};

inline constexpr Shape shapes[] = {
    {128, 128, 2, 4, 1, 3}, {128, 64, 4, 2, 1, 4}, {64, 128, 2, 2, 1, 3}, {64, 64, 2, 2, 1, 4},
    {64, 64, 2, 2, 2, 4},   {64, 32, 2, 1, 2, 5},  {32, 64, 1, 2, 2, 5},  {32, 64, 1, 2, 4, 8},
    {32, 32, 1, 1, 4, 5},   {16, 64, 1, 2, 2, 5},
};
inline constexpr int shape_count = sizeof(shapes) / sizeof(shapes[0]);
inline constexpr int max_parts = 4;  // of the depth; more were never faster
inline constexpr int depth = 64;     // of a step, in elements: a row of 128 bytes

__host__ __device__ constexpr int steps(int in) {
  return (in + depth - 1) / depth;
}
// Dynamic shared memory of a block: the stages (later the sums), the bias, a flag.
__host__ __device__ constexpr int tile_bytes(Shape s) {
  const int tiles = s.stages * (s.rows + s.columns) * depth * 2;
  const int sums = s.warps_k * s.rows * (s.columns + 8) * static_cast<int>(sizeof(float));
  return tiles > sums ? tiles : sums;
}
__host__ __device__ constexpr int shared_bytes(Shape s) {
  return tile_bytes(s) + s.columns * static_cast<int>(sizeof(float)) + 16;
}

// "64x64s4w4": tile, stages, warps; then k3: the depth is split into 3 parts, added through
// memory, or c3: through a cluster.
std::string configuration_name(int shape, int parts, int cluster);

using Kernel = void (*)(Product);
// One file each, to compile in parallel.
Kernel kernel_f16(int shape);
Kernel kernel_bf16(int shape);

}  // namespace quantring::cuda::mma
