#pragma once
// Where an image's part of a body is, and parts that are ptq 8's.

#include "ops/coding/coding_arithmetic.h"
#include "ops/cuda/number.h"

namespace quantring::cuda {

inline constexpr std::uint32_t plain_part = 1u << 31;

__device__ inline std::uint32_t part_length(const std::byte* body, std::int64_t image) {
  return reinterpret_cast<const std::uint32_t*>(body)[image];
}
__device__ inline bool is_plain(const std::byte* body, std::int64_t image) {
  return (part_length(body, image) & plain_part) != 0;
}

// Called by whole warps.
__device__ inline std::uint64_t warp_sum(std::uint64_t value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2)
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  return value;
}
__device__ inline const std::byte* part_of(const std::byte* body, int images, int image) {
  std::uint64_t before = 0;
  for (int i = static_cast<int>(threadIdx.x % 32); i < image; i += 32)
    before += part_length(body, i) & ~plain_part;
  return body + std::int64_t{images} * 4 + warp_sum(before);
}

__device__ inline float float_at(const std::byte* bytes) {
  std::uint32_t bits = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) bits |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
  return __uint_as_float(bits);
}

// By all threads of the grid, each some of the values.
template <class T>
__device__ void decode_plain(const std::byte* part, T* values, std::int64_t count) {
  const float scale = float_at(part), offset = float_at(part + 4);
  const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += stride) {
    const auto code = static_cast<float>(static_cast<std::uint32_t>(part[8 + i]));
    values[i] = from_float<T>(__fadd_rn(__fmul_rn(__fdiv_rn(code, 255.0F), scale), offset));
  }
}

}  // namespace quantring::cuda
