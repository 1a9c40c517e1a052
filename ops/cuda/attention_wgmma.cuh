#pragma once
// Hopper's products of a warpgroup (PTX ISA, "wgmma.mma_async"), c = a b or c += a b: a 64 x 16,
// each warp its 16 rows in registers as for mma.m16n8k16; b 16 x N in shared memory, rows of 128
// bytes swizzled as swizzled() says; c 64 x N in registers, each 8 columns as for mma.m16n8k16.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <type_traits>

namespace quantring::cuda::attn {

// Offset of the 16-byte piece `piece` of row `row`, from an address that is a multiple of 1024.
__host__ __device__ inline int swizzled(int row, int piece) {
  return row * 128 + ((piece ^ (row % 8)) * 16);
}

// Descriptor of a matrix whose rows lie 128 bytes apart, in groups of eight that repeat every 1024.
__device__ inline std::uint64_t describe(std::uint32_t address) {
  return (static_cast<std::uint64_t>(1) << 62) | (static_cast<std::uint64_t>(1024 >> 4) << 32) |
         (static_cast<std::uint64_t>(1) << 16) | ((address & 0x3ffff) >> 4);
}

__device__ inline void begin_products() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void end_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}
// What ordinary instructions wrote to shared memory can be read by products after the next barrier.
__device__ inline void publish_to_products() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// clang-format off
#define QUANTRING_WGMMA_16(type, trans) \
  asm volatile("{.reg .pred p; setp.ne.b32 p, %13, 0;" \
      "wgmma.mma_async.sync.aligned.m64n16k16.f32." type "." type " {" \
      "%0, %1, %2, %3, %4, %5, %6, %7" \
      "}, {%8, %9, %10, %11}, %12, p, 1, 1, " trans ";}" \
      : \
        "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]) \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add))

#define QUANTRING_WGMMA_64(type, trans) \
  asm volatile("{.reg .pred p; setp.ne.b32 p, %37, 0;" \
      "wgmma.mma_async.sync.aligned.m64n64k16.f32." type "." type " {" \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31" \
      "}, {%32, %33, %34, %35}, %36, p, 1, 1, " trans ";}" \
      : \
        "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), \
        "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), \
        "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
        "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]) \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add))
// clang-format on

// transposed: rows of b are the 16, with N numbers each; else rows are the N, with 16 numbers each.
template <class T, bool transposed, int R>
__device__ inline void multiply_group(float (&d)[R], const std::uint32_t (&a)[4], std::uint64_t b,
                                      int add) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  static_assert(R == 8 || R == 32);
  constexpr bool half = std::is_same_v<T, __half>;
  if constexpr (R == 8 && half && !transposed) QUANTRING_WGMMA_16("f16", "0");
  if constexpr (R == 8 && !half && !transposed) QUANTRING_WGMMA_16("bf16", "0");
  if constexpr (R == 32 && half && !transposed) QUANTRING_WGMMA_64("f16", "0");
  if constexpr (R == 32 && !half && !transposed) QUANTRING_WGMMA_64("bf16", "0");
  if constexpr (R == 32 && half && transposed) QUANTRING_WGMMA_64("f16", "1");
  if constexpr (R == 32 && !half && transposed) QUANTRING_WGMMA_64("bf16", "1");
#endif
}

#undef QUANTRING_WGMMA_16
#undef QUANTRING_WGMMA_64

}  // namespace quantring::cuda::attn
