#pragma once
// Hopper's products of a warpgroup (PTX ISA, "wgmma.mma_async") for attention: d = a b
// or, with add != 0, d += a b. d: 64 x N in registers, of each warp 16 rows, each 8 columns as for
// mma.m16n8k16. Factors in shared memory are rows of 64 numbers, 128 bytes swizzled as by the
// tensor copy unit (CU_TENSOR_MAP_SWIZZLE_128B), aligned to 1024 bytes.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <type_traits>

namespace quantring::cuda::attn {

// Descriptor of rows of 128 bytes in groups of eight that repeat every 1024. The shuffle tells the
// compiler that the value is the same in all lanes, so that it is kept in uniform registers, from
// which wgmma reads it; otherwise each product waits for a move. Adding bytes / 16 moves to another
// eight rows or 16 columns.
__device__ inline std::uint64_t describe(std::uint32_t address) {
  const std::uint32_t same = __shfl_sync(0xffffffffu, address, 0);
  return (static_cast<std::uint64_t>(1) << 62) | (static_cast<std::uint64_t>(1024 >> 4) << 32) |
         (static_cast<std::uint64_t>(1) << 16) | ((same & 0x3ffff) >> 4);
}

__device__ inline void begin_products() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void end_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

// clang-format off
#define QUANTRING_WGMMA_SHARED_64(type) \
  asm volatile("{.reg .pred p; setp.ne.b32 p, %34, 0;" \
      "wgmma.mma_async.sync.aligned.m64n64k16.f32." type "." type " {" \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31" \
      "}, %32, %33, p, 1, 1, 0, 0;}" \
      : \
        "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), \
        "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), \
        "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
        "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]) \
      : "l"(a), "l"(b), "r"(add))

#define QUANTRING_WGMMA_SHARED_80(type) \
  asm volatile("{.reg .pred p; setp.ne.b32 p, %42, 0;" \
      "wgmma.mma_async.sync.aligned.m64n80k16.f32." type "." type " {" \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
      "%32, %33, %34, %35, %36, %37, %38, %39" \
      "}, %40, %41, p, 1, 1, 0, 0;}" \
      : \
        "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), \
        "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), \
        "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
        "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), \
        "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]) \
      : "l"(a), "l"(b), "r"(add))

#define QUANTRING_WGMMA_ROWS_64(type) \
  asm volatile("{.reg .pred p; setp.ne.b32 p, %37, 0;" \
      "wgmma.mma_async.sync.aligned.m64n64k16.f32." type "." type " {" \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31" \
      "}, {%32, %33, %34, %35}, %36, p, 1, 1, 1;}" \
      : \
        "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), \
        "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), \
        "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
        "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]) \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add))
// clang-format on

// a: 64 rows of 16 numbers, b: N rows of 16 numbers.
template <class T, int R>
__device__ inline void multiply_shared(float (&d)[R], std::uint64_t a, std::uint64_t b, int add) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  static_assert(R == 32 || R == 40);
  constexpr bool half = std::is_same_v<T, __half>;
  if constexpr (R == 32 && half) QUANTRING_WGMMA_SHARED_64("f16");
  if constexpr (R == 32 && !half) QUANTRING_WGMMA_SHARED_64("bf16");
  if constexpr (R == 40 && half) QUANTRING_WGMMA_SHARED_80("f16");
  if constexpr (R == 40 && !half) QUANTRING_WGMMA_SHARED_80("bf16");
#endif
}

// a: 16 x 16 of each warp in registers, as for mma.m16n8k16; b: 16 rows of N = 64 numbers.
template <class T>
__device__ inline void multiply_rows(float (&d)[32], const std::uint32_t (&a)[4], std::uint64_t b,
                                     int add) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  if constexpr (std::is_same_v<T, __half>) {
    QUANTRING_WGMMA_ROWS_64("f16");
  } else {
    QUANTRING_WGMMA_ROWS_64("bf16");
  }
#endif
}

#undef QUANTRING_WGMMA_SHARED_64
#undef QUANTRING_WGMMA_SHARED_80
#undef QUANTRING_WGMMA_ROWS_64

}  // namespace quantring::cuda::attn
