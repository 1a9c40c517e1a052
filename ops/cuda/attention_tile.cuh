#pragma once
// What the attention kernels on tensor cores share. A warp works on a tile of 16 queries with the
// instruction mma.m16n8k16 (PTX ISA, "Matrix fragments for mma.m16n8k16"): lane 4 * g + t holds, of
// a 16 x 8 result, columns 2t and 2t + 1 of rows g and g + 8.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace quantring::cuda::attn {

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// 16 bytes to shared memory, or 16 zero bytes.
__device__ inline void copy_async(std::uint32_t target, const void* source, bool present) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(source),
               "r"(present ? 16 : 0)
               : "memory");
}
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
// Waits until at most `pending` of the groups committed last are under way.
template <int pending>
__device__ inline void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

__device__ inline void load_matrices(std::uint32_t (&r)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}
__device__ inline void load_matrices_transposed(std::uint32_t (&r)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}

// c += a b
template <class T>
__device__ inline void multiply(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                std::uint32_t b1);
template <>
__device__ inline void multiply<__half>(float (&c)[4], const std::uint32_t (&a)[4],
                                        std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
template <>
__device__ inline void multiply<__nv_bfloat16>(float (&c)[4], const std::uint32_t (&a)[4],
                                               std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <class T>
__device__ inline std::uint32_t pack(float low, float high);
template <>
__device__ inline std::uint32_t pack<__half>(float low, float high) {
  const __half2 both = __floats2half2_rn(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&both);
}
template <>
__device__ inline std::uint32_t pack<__nv_bfloat16>(float low, float high) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&both);
}

// 2^x with an error of about 2^-22 relative; results below the normal range are zero. exp2f would
// spend three more instructions on those.
__device__ inline float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

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
// that the eight rows which ldmatrix reads at once lie in different banks.
template <int D>
inline constexpr int row_bytes = D * 2 + 16;

// Starts copying rows [0, count) of D numbers; those from `present` on become zeros. Consecutive
// threads, the caller's is number `thread` of `threads`, take consecutive 16 bytes.
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
// of a 16 x 16 block are read in one go, 8 bytes a lane, and then exchanged within pairs of lanes.
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

// Where this lane points ldmatrix at within 16 keys or values, in bytes from the first.
template <int D>
__device__ inline int lane_offset_keys(int lane) {
  return (lane / 16 * 8 + lane % 8) * row_bytes<D> + lane / 8 % 2 * 16;
}
template <int D>
__device__ inline int lane_offset_values(int lane) {
  return (lane / 8 % 2 * 8 + lane % 8) * row_bytes<D> + lane / 16 * 16;
}

}  // namespace quantring::cuda::attn
