#pragma once
// Shared by the attention kernels for tensor cores. A warp computes a tile of 16 queries with the
// instruction mma.m16n8k16 (PTX ISA, "Matrix fragments for mma.m16n8k16"): lane 4 * g + t holds, of
// a 16 x 8 result, columns 2t and 2t + 1 of rows g and g + 8.

#include <cstdint>

#include "ops/cuda/tensor_core.cuh"

namespace quantring::cuda::attn {

// Over the four lanes that share a row.
__device__ inline float row_max(float value) {
  value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 1));
  return fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 2));
}
__device__ inline float row_sum(float value) {
  value += __shfl_xor_sync(0xffffffffu, value, 1);
  return value + __shfl_xor_sync(0xffffffffu, value, 2);
}

// Bytes from one key (or value) to the next in shared memory: an odd number of 16-byte pieces, so
// that the eight rows which ldmatrix reads at once are in different banks.
template <int D>
inline constexpr int row_bytes = D * 2 + 16;

// Starts copying rows [0, count) of D numbers; those from `present` on become zeros. Thread
// `thread` of `threads`; consecutive threads copy consecutive 16 bytes.
template <int D, class T>
__device__ inline void load_rows(std::uint32_t target, const T* source, std::int64_t stride,
                                 int present, int count, int thread, int threads) {
  constexpr int pieces = D / 8;
  for (int i = thread; i < count * pieces; i += threads) {
    const int row = i / pieces, piece = i % pieces;
    const int from = row < present ? row : 0;
    copy_async(target + row * row_bytes<D> + piece * 16, source + from * stride + piece * 8,
               row < present);
  }
}

// The 16 x D tile of queries as the first factor. Rows from `present` on are zero. A row's 32 bytes
// of a 16 x 16 block are read at once, 8 bytes per lane, and then exchanged within pairs of lanes.
template <int D, class T>
__device__ inline void load_queries(std::uint32_t (&a)[D / 16][4], const T* source,
                                    std::int64_t stride, int present, int lane) {
  const int g = lane / 4, t = lane % 4;
  const bool odd = t % 2 != 0;
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = g + half * 8;
      uint2 words = make_uint2(0, 0);
      if (row < present) {
        words = *reinterpret_cast<const uint2*>(source + row * stride + k * 16 +
                                                (odd ? 8 + (t - 1) * 2 : t * 2));
      }
      const std::uint32_t got = __shfl_xor_sync(0xffffffffu, odd ? words.x : words.y, 1);
      a[k][half] = odd ? got : words.x;
      a[k][half + 2] = odd ? words.y : got;
    }
  }
}

// Writes the 16 x D result, row g times scale_low and row g + 8 times scale_high.
template <int D, class T>
__device__ inline void store_result(T* target, std::int64_t stride, int present, int lane,
                                    const float (&o)[D / 8][4], float scale_low, float scale_high) {
  const int g = lane / 4, t = lane % 4;
  const bool odd = t % 2 != 0;
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float scale = half == 0 ? scale_low : scale_high;
      const std::uint32_t first =
          pack<T>(o[2 * k][2 * half] * scale, o[2 * k][2 * half + 1] * scale);
      const std::uint32_t second =
          pack<T>(o[2 * k + 1][2 * half] * scale, o[2 * k + 1][2 * half + 1] * scale);
      const std::uint32_t got = __shfl_xor_sync(0xffffffffu, odd ? first : second, 1);
      const uint2 words = odd ? make_uint2(got, second) : make_uint2(first, got);
      const int row = g + half * 8;
      if (row < present) {
        *reinterpret_cast<uint2*>(target + row * stride + k * 16 +
                                  (odd ? 8 + (t - 1) * 2 : t * 2)) = words;
      }
    }
  }
}

// Scores of a tile with 16 keys: c[0] those of the first eight, c[1] of the others. keys: the
// address of this lane's row, from lane_row_keys.
template <int D, class T>
__device__ inline void score(float (&first)[4], float (&second)[4],
                             const std::uint32_t (&queries)[D / 16][4], std::uint32_t keys) {
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
    std::uint32_t b[4];
    load_matrices(b, keys + k * 32);
    multiply<T>(first, queries[k], b[0], b[1]);
    multiply<T>(second, queries[k], b[2], b[3]);
  }
}

// Adds the product of the 16 x 16 weights and 16 values.
template <int D, class T>
__device__ inline void weigh(float (&o)[D / 8][4], const std::uint32_t (&weights)[4],
                             std::uint32_t values) {
#pragma unroll
  for (int n = 0; n < D / 16; ++n) {
    std::uint32_t b[4];
    load_matrices_transposed(b, values + n * 32);
    multiply<T>(o[2 * n], weights, b[0], b[1]);
    multiply<T>(o[2 * n + 1], weights, b[2], b[3]);
  }
}

// The offset of this lane's row for ldmatrix within 16 keys or values, in bytes.
template <int D>
__device__ inline int lane_offset_keys(int lane) {
  return (lane / 16 * 8 + lane % 8) * row_bytes<D> + lane / 8 % 2 * 16;
}
template <int D>
__device__ inline int lane_offset_values(int lane) {
  return (lane / 8 % 2 * 8 + lane % 8) * row_bytes<D> + lane / 16 * 16;
}

}  // namespace quantring::cuda::attn
