// Conversion between dtypes, with the CPU's bits for NaN too (the GPU's instructions make all NaNs
// equal).

#include <algorithm>

#include "ops/cuda/coding/coding.h"
#include "ops/cuda/coding/coding_tile.cuh"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/number.h"

namespace quantring::cuda {
namespace {

constexpr int block_threads = 256;

__device__ inline float widen(float x) {
  return x;
}
__device__ inline float widen(__nv_bfloat16 x) {
  return to_float(x);
}
__device__ inline float widen(__half x) {
  const std::uint32_t bits = __half_as_ushort(x);
  if ((bits & 0x7fffu) <= 0x7c00u) return to_float(x);
  return coding::from_bits((bits & 0x8000u) << 16 | 0x7fc00000u | (bits & 0x3ffu) << 13);
}

template <class T>
__device__ inline T narrow(float x) {
  if constexpr (std::is_same_v<T, __half>) {
    const std::uint32_t bits = coding::to_bits(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
      return __ushort_as_half(
          static_cast<unsigned short>(bits >> 31 << 15 | 0x7e00u | (bits >> 13 & 0x3ffu)));
    }
  }
  return from_float<T>(x);
}

template <class From, class To>
__global__ void __launch_bounds__(block_threads)
    convert_kernel(const From* source, To* target, std::int64_t count, bool aligned) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t stride = std::int64_t{gridDim.x} * block_threads * lane_values;
  for (std::int64_t first = (std::int64_t{blockIdx.x} * block_threads + threadIdx.x) * lane_values;
       first < count; first += stride) {
    if (aligned && first + lane_values <= count) {
      constexpr int in = 16 / sizeof(From), out = 16 / sizeof(To);
      float x[lane_values];
#pragma unroll
      for (int part = 0; part < lane_values / in; ++part) {
        Vector16<From> v;
        v.bytes = reinterpret_cast<const uint4*>(source + first)[part];
#pragma unroll
        for (int i = 0; i < in; ++i) x[part * in + i] = widen(v.values[i]);
      }
#pragma unroll
      for (int part = 0; part < lane_values / out; ++part) {
        Vector16<To> v;
#pragma unroll
        for (int i = 0; i < out; ++i) v.values[i] = narrow<To>(x[part * out + i]);
        reinterpret_cast<uint4*>(target + first)[part] = v.bytes;
      }
    } else {
      for (std::int64_t i = first; i < min(first + lane_values, count); ++i) {
        target[i] = narrow<To>(widen(source[i]));
      }
    }
  }
}

__global__ void __launch_bounds__(block_threads)
    copy_kernel(const std::byte* source, std::byte* target, std::int64_t bytes, bool aligned) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t thread = std::int64_t{blockIdx.x} * block_threads + threadIdx.x;
  const std::int64_t stride = std::int64_t{gridDim.x} * block_threads;
  const std::int64_t vectors = aligned ? bytes / 16 : 0;
  for (std::int64_t i = thread; i < vectors; i += stride) {
    reinterpret_cast<uint4*>(target)[i] = reinterpret_cast<const uint4*>(source)[i];
  }
  for (std::int64_t i = vectors * 16 + thread; i < bytes; i += stride) target[i] = source[i];
}

// Enough blocks to saturate the memory; several vectors per thread for large tensors.
dim3 blocks_for(const Queue& queue, std::int64_t threads) {
  const std::int64_t blocks = (threads + block_threads - 1) / block_threads;
  return dim3(static_cast<unsigned>(
      std::clamp<std::int64_t>(blocks, 1, std::int64_t{queue.multiprocessors} * 16)));
}

}  // namespace

void convert(const Queue& queue, ConstTensor source, Tensor target) {
  const std::int64_t count = source.shape.elements();
  const bool aligned = (reinterpret_cast<std::uintptr_t>(source.data) |
                        reinterpret_cast<std::uintptr_t>(target.data)) %
                           16 ==
                       0;
  if (source.dtype == target.dtype) {
    const auto bytes = static_cast<std::int64_t>(source.bytes());
    launch(queue, "the copy kernel", copy_kernel, blocks_for(queue, (bytes + 15) / 16),
           dim3(block_threads), 0, static_cast<const std::byte*>(source.data),
           static_cast<std::byte*>(target.data), bytes, aligned);
    return;
  }
  with_type(source.dtype, [&](auto from) {
    with_type(target.dtype, [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      launch(queue, "the convert kernel", convert_kernel<From, To>,
             blocks_for(queue, (count + lane_values - 1) / lane_values), dim3(block_threads), 0,
             static_cast<const From*>(source.data), static_cast<To*>(target.data), count, aligned);
    });
  });
}

}  // namespace quantring::cuda
