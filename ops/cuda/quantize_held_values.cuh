#pragma once
// The 16-bit values of an image in the registers of a team of blocks.

#include <cstring>

#include "ops/cuda/coding_tile.cuh"
#include "ops/cuda/quantize.h"

namespace quantring::cuda {

template <class T>
struct Pairs;  // two values at a time
template <>
struct Pairs<__half> {
  using Type = __half2;
  static constexpr std::uint32_t infinities = 0x7c007c00u;
  static __device__ float low(Type x) { return __low2float(x); }
  static __device__ float high(Type x) { return __high2float(x); }
};
template <>
struct Pairs<__nv_bfloat16> {
  using Type = __nv_bfloat162;
  static constexpr std::uint32_t infinities = 0x7f807f80u;
  static __device__ float low(Type x) { return __low2float(x); }
  static __device__ float high(Type x) { return __high2float(x); }
};

template <class T>
__device__ inline typename Pairs<T>::Type pair_of(std::uint32_t bits) {
  typename Pairs<T>::Type pair;
  static_assert(sizeof pair == sizeof bits);
  memcpy(&pair, &bits, sizeof bits);
  return pair;
}

// This thread's values of an image.
template <class T>
struct Held {
  uint4 vector[held_vectors];
  int tile, warps, end,
      vectors;  // first tile, tiles from one to the next; of the part; of the image

  __device__ Held(int tiles, int image_vectors, int rank, int blocks)
      : tile(static_cast<int>(std::int64_t{tiles} * rank / blocks) + warp_index()),
        warps(block_warps()),
        end(static_cast<int>(std::int64_t{tiles} * (rank + 1) / blocks)),
        vectors(image_vectors) {}

  __device__ int tile_of(int k) const { return tile + k * warps; }
  __device__ int vector_of(int k) const { return tile_of(k) * 32 + lane_index(); }
  __device__ bool has(int k) const { return tile_of(k) < end && vector_of(k) < vectors; }

  __device__ void load(const T* image) {
#pragma unroll
    for (int k = 0; k < held_vectors; ++k) {
      if (has(k)) vector[k] = reinterpret_cast<const uint4*>(image)[vector_of(k)];
    }
  }
  __device__ void values(int k, float (&x)[lane_values]) const {
    const std::uint32_t words[4] = {vector[k].x, vector[k].y, vector[k].z, vector[k].w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const auto pair = pair_of<T>(words[i]);
      x[2 * i] = Pairs<T>::low(pair);
      x[2 * i + 1] = Pairs<T>::high(pair);
    }
  }
  // Calls f(x, k) for the vectors that there are.
  template <class F>
  __device__ void each(F&& f) const {
#pragma unroll
    for (int k = 0; k < held_vectors; ++k) {
      if (!has(k)) continue;
      float x[lane_values];
      values(k, x);
      f(x, k);
    }
  }
};

}  // namespace quantring::cuda
