// Images' parts side by side behind their lengths; images that cannot be coded as ptq 8 codes them.

#include "ops/coding/coding_arithmetic.h"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/number.h"
#include "ops/cuda/transform/rans.cuh"
#include "ops/cuda/transform/transform_part.cuh"

namespace quantring::cuda {
namespace {

constexpr int block_threads = 256, image_blocks = 4;

__device__ void put_word(std::byte* target, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) target[i] = static_cast<std::byte>(value >> (8 * i));
}

// Of a stream, in bytes.
__device__ std::int64_t coded_bytes(const TransformCode& c, const TransformScratch& s,
                                    std::int64_t index) {
  return 4 * c.lanes + 2 * std::int64_t{s.counts[index]};
}

// The length as it is stored: with the highest bit, it is ptq 8's.
__device__ std::uint32_t joined_length(const TransformCode& c, const TransformScratch& s,
                                       int image) {
  std::int64_t bytes = 4 * (c.streams - 1);
  bool plain = s.unsound[image] != 0;
  for (int i = 0; i < c.streams && !plain; ++i)
    bytes += coded_bytes(c, s, std::int64_t{image} * c.streams + i);
  plain |= bytes > s.plain_bytes;
  return plain ? static_cast<std::uint32_t>(s.plain_bytes) | plain_part
               : static_cast<std::uint32_t>(bytes);
}

// By one block.
template <class T>
__device__ void code_plain(const T* values, std::int64_t count, std::byte* target) {
  __shared__ coding::Extremes of_warps[block_threads / 32];
  coding::Extremes found;
  const auto join = [&found](float low, float high) {
    if (low < found.low) found.low = low;
    if (high > found.high) found.high = high;
  };
  for (std::int64_t i = threadIdx.x; i < count; i += block_threads) {
    const float x = to_float(values[i]);
    if (coding::is_finite(x)) join(x, x);
  }
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const float low = __shfl_xor_sync(every_lane, found.low, distance);
    join(low, __shfl_xor_sync(every_lane, found.high, distance));
  }
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = found;
  __syncthreads();
  for (const coding::Extremes& of_warp : of_warps) join(of_warp.low, of_warp.high);
  const GridRange range = coding::grid_range(found);
  if (threadIdx.x == 0) {
    put_word(target, __float_as_uint(range.scale), 4);
    put_word(target + 4, __float_as_uint(range.offset), 4);
  }
  for (std::int64_t i = threadIdx.x; i < count; i += block_threads) {
    constexpr float top = 255;
    float y = __fmul_rn(__fdiv_rn(__fsub_rn(to_float(values[i]), range.offset), range.scale), top);
    y = y > 0 ? y : 0.0F;
    y = y < top ? y : top;
    target[8 + i] = static_cast<std::byte>(range.scale == 0 ? 0u : coding::rounded_unsigned(y));
  }
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    join_kernel(TransformCode c, TransformScratch s, std::byte* body, int images) {
  wait_for_predecessor();
  release_successor();
  const int image = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  std::uint64_t before = 0;
  for (int i = thread % 32; i < image; i += 32) before += joined_length(c, s, i) & ~plain_part;
  std::byte* target = body + std::int64_t{images} * 4 + warp_sum(before);
  const std::uint32_t length = joined_length(c, s, image);
  const bool first = blockIdx.x == 0;
  if (first && thread == 0) reinterpret_cast<std::uint32_t*>(body)[image] = length;
  if ((length & plain_part) != 0) {
    const std::int64_t count = std::int64_t{c.prefix + c.rows * c.cols} * c.dim;
    if (first) code_plain(reinterpret_cast<const T*>(s.values) + image * count, count, target);
    return;
  }
  const int begin = static_cast<int>(blockIdx.x) * block_threads + thread;
  constexpr int stride = image_blocks * block_threads;
  const std::int64_t streams = std::int64_t{image} * c.streams;
  if (begin < c.streams - 1)
    put_word(target + 4 * begin, static_cast<std::uint32_t>(coded_bytes(c, s, streams + begin)), 4);
  target += 4 * (c.streams - 1);
  for (int i = 0; i < c.streams; ++i) {
    const std::int64_t index = streams + i;
    if (begin < c.lanes) put_word(target + 4 * begin, s.states[index * 32 + begin], 4);
    const std::int64_t count = s.counts[index];
    const std::uint16_t* const words = s.words + (index + 1) * s.word_capacity - count;
    for (std::int64_t w = begin; w < count; w += stride)
      put_word(target + 4 * c.lanes + 2 * w, words[w], 2);
    target += coded_bytes(c, s, index);
  }
}

}  // namespace

void transform_join_parts(const Queue& queue, const TransformCall& call, DType dtype,
                          std::byte* body) {
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "the kernel of klt's parts", join_kernel<T>,
           dim3(image_blocks, static_cast<unsigned>(call.images)), dim3(block_threads), 0,
           call.code, call.scratch, body, call.images);
  });
}

}  // namespace quantring::cuda
