#pragma once
// The 16-bit values of an image, distributed over a cluster's threads.

#include <cstring>

#include "ops/cuda/coding/coding_tile.cuh"
#include "ops/cuda/coding/quantize.h"

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

// The values of an image that a thread processes. Loops over them are not unrolled: instruction
// fetch would cost more than it saves. The first loop brings the values into the L1 cache for the
// others.
template <class T>
struct Held {
  const uint4* image;
  int tile, warps, end,
      vectors;  // first tile, tiles from one to the next; of the part; of the image

  __device__ Held(const T* values, int image_vectors, int rank, int blocks)
      : image(reinterpret_cast<const uint4*>(values)),
        warps(block_warps()),
        vectors(image_vectors) {
    const std::int64_t tiles = (image_vectors + 31) / 32;
    tile = static_cast<int>(tiles * rank / blocks) + warp_index();
    end = static_cast<int>(tiles * (rank + 1) / blocks);
  }

  // Calls f(words, tile, vector) for every tile of the warp, with zeros past the end of the image.
  template <class F>
  __device__ void each_tile(F&& f) const {
#pragma unroll 1
    for (int at = tile; at < end; at += warps) {
      const int vector = at * 32 + lane_index();
      uint4 words = make_uint4(0, 0, 0, 0);
      if (vector < vectors) words = image[vector];
      f(words, at, vector);
    }
  }
  static __device__ void values(const uint4& vector, float (&x)[lane_values]) {
    const std::uint32_t words[4] = {vector.x, vector.y, vector.z, vector.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const auto pair = pair_of<T>(words[i]);
      x[2 * i] = Pairs<T>::low(pair);
      x[2 * i + 1] = Pairs<T>::high(pair);
    }
  }
  // Calls f(x) for the vectors within the image.
  template <class F>
  __device__ void each(F&& f) const {
    each_tile([&](const uint4& words, int, int vector) {
      if (vector >= vectors) return;
      float x[lane_values];
      values(words, x);
      f(x);
    });
  }
};

}  // namespace quantring::cuda
