#pragma once
// wgmma (Hopper): one warpgroup of 128 threads adds A B^T to accumulators in its registers; A
// [64, 16] and B [N, 16] of f16 or bf16 are in shared memory, rows of 128 bytes in the 128-byte
// swizzle. PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions".
//
// Thread t of the warpgroup holds, in d[4 j + 2 h + e], row 16 (t / 32) + 8 h + t % 32 / 4 and
// column 8 j + 2 (t % 4) + e.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace quantring::cuda {

// Descriptor of a matrix in shared memory: address, stride of 1024 bytes between groups of 8 rows,
// swizzle. Matrices are aligned to 1024 bytes; adding 2 moves on by 16 columns.
__device__ inline std::uint64_t matrix_descriptor(std::uint32_t shared_address) {
  return (std::uint64_t{1} << 62) | (std::uint64_t{1024 >> 4} << 32) | (std::uint64_t{1} << 16) |
         ((shared_address & 0x3FFFFu) >> 4);
}

// Makes earlier register writes visible to the next wgmma.
__device__ inline void wgmma_begin() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
// Returns when no more than `pending` of the latest groups are still running.
template <int pending>
__device__ inline void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}
// Keeps the compiler from moving uses of the accumulators across a wait.
template <int count>
__device__ inline void pin(float (&d)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

// d = A B^T + (keep ? d : 0), for the N of d's size.
template <class T, int N>
struct Wgmma;

#define QR_F8(i)                                                                              \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define QR_F16(i) QR_F8(i), QR_F8(i + 8)
#define QR_F32(i) QR_F16(i), QR_F16(i + 16)
#define QR_R0 "%0, %1, %2, %3, %4, %5, %6, %7"
#define QR_R8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define QR_R16 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define QR_R24 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define QR_R32 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define QR_R40 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define QR_R48 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define QR_R56 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define QR_R64 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define QR_R72 ", %72, %73, %74, %75, %76, %77, %78, %79"
#define QR_R80 ", %80, %81, %82, %83, %84, %85, %86, %87"
#define QR_R88 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define QR_R96 ", %96, %97, %98, %99, %100, %101, %102, %103"
#define QR_R104 ", %104, %105, %106, %107, %108, %109, %110, %111"
#define QR_R112 ", %112, %113, %114, %115, %116, %117, %118, %119"
#define QR_R120 ", %120, %121, %122, %123, %124, %125, %126, %127"

#define QR_WGMMA(T, type, N, registers, a, b, keep_operand, ...)                                  \
  template <>                                                                                     \
  struct Wgmma<T, N> {                                                                            \
    __device__ static void run(float (&d)[N / 2], std::uint64_t desc_a, std::uint64_t desc_b,     \
                               int keep) {                                                        \
      asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " keep_operand                               \
                   ", 0;\n"                                                                       \
                   "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." type "." type " {" registers \
                   "}, " a ", " b ", p, 1, 1, 0, 0;\n}"                                           \
                   : __VA_ARGS__                                                                  \
                   : "l"(desc_a), "l"(desc_b), "r"(keep));                                        \
    }                                                                                             \
  };
#define QR_WGMMA_BOTH(...)             \
  QR_WGMMA(__half, "f16", __VA_ARGS__) \
  QR_WGMMA(__nv_bfloat16, "bf16", __VA_ARGS__)

#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
QR_WGMMA_BOTH(64, QR_R0 QR_R8 QR_R16 QR_R24, "%32", "%33", "%34", QR_F32(0))
QR_WGMMA_BOTH(80, QR_R0 QR_R8 QR_R16 QR_R24 QR_R32, "%40", "%41", "%42", QR_F32(0), QR_F8(32))
QR_WGMMA_BOTH(96, QR_R0 QR_R8 QR_R16 QR_R24 QR_R32 QR_R40, "%48", "%49", "%50", QR_F32(0),
              QR_F16(32))
QR_WGMMA_BOTH(128, QR_R0 QR_R8 QR_R16 QR_R24 QR_R32 QR_R40 QR_R48 QR_R56, "%64", "%65", "%66",
              QR_F32(0), QR_F32(32))
QR_WGMMA_BOTH(160, QR_R0 QR_R8 QR_R16 QR_R24 QR_R32 QR_R40 QR_R48 QR_R56 QR_R64 QR_R72, "%80",
              "%81", "%82", QR_F32(0), QR_F32(32), QR_F16(64))
QR_WGMMA_BOTH(192,
              QR_R0 QR_R8 QR_R16 QR_R24 QR_R32 QR_R40 QR_R48 QR_R56 QR_R64 QR_R72 QR_R80 QR_R88,
              "%96", "%97", "%98", QR_F32(0), QR_F32(32), QR_F32(64))
QR_WGMMA_BOTH(240,
              QR_R0 QR_R8 QR_R16 QR_R24 QR_R32 QR_R40 QR_R48 QR_R56 QR_R64 QR_R72 QR_R80 QR_R88
                  QR_R96 QR_R104 QR_R112,
              "%120", "%121", "%122", QR_F32(0), QR_F32(32), QR_F32(64), QR_F16(96), QR_F8(112))
QR_WGMMA_BOTH(256,
              QR_R0 QR_R8 QR_R16 QR_R24 QR_R32 QR_R40 QR_R48 QR_R56 QR_R64 QR_R72 QR_R80 QR_R88
                  QR_R96 QR_R104 QR_R112 QR_R120,
              "%128", "%129", "%130", QR_F32(0), QR_F32(32), QR_F32(64), QR_F32(96))
#endif

#undef QR_WGMMA_BOTH
#undef QR_WGMMA
#undef QR_F32
#undef QR_F16
#undef QR_F8
#undef QR_R0
#undef QR_R8
#undef QR_R16
#undef QR_R24
#undef QR_R32
#undef QR_R40
#undef QR_R48
#undef QR_R56
#undef QR_R64
#undef QR_R72
#undef QR_R80
#undef QR_R88
#undef QR_R96
#undef QR_R104
#undef QR_R112
#undef QR_R120

}  // namespace quantring::cuda
