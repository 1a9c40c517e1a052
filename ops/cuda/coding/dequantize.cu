// Codes to values.

#include <algorithm>

#include "ops/coding/bit_packing.h"
#include "ops/cuda/coding/coding.h"
#include "ops/cuda/coding/coding_tile.cuh"
#include "ops/cuda/coding/coding_width.h"
#include "ops/cuda/device/launch.h"

namespace quantring::cuda {
namespace {

constexpr int block_threads = 256;

template <class T, int bits>
__global__ void __launch_bounds__(block_threads)
    dequantize_kernel(const GridRange* ranges, const std::byte* codes, std::int64_t code_bytes,
                      T* values, std::int64_t each) {
  wait_for_predecessor();
  release_successor();
  constexpr float top = static_cast<float>((1 << bits) - 1), per_top = 1.0F / top;
  const std::int64_t index = blockIdx.y;
  const Image<T> image(values, index, each);
  const GridRange range = ranges[index];
  const std::byte* const image_codes = codes + index * code_bytes;
  const std::int64_t stride = std::int64_t{gridDim.x} * block_warps();
  for (std::int64_t tile = std::int64_t{blockIdx.x} * block_warps() + warp_index();
       tile < image.tiles(); tile += stride) {
    std::uint32_t code[lane_values];
    unpack_lane<bits>(load_codes<bits>(image_codes, each, tile), code);
    float x[lane_values];
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      // code / top, correctly rounded with one correction for every code of every width (tested).
      const float c = coding::from_bits(0x4b000000u | code[i]) - coding::round_unsigned;
      const float q = __fmul_rn(c, per_top);
      const float share = __fmaf_rn(__fmaf_rn(-q, top, c), per_top, q);
      x[i] = __fadd_rn(__fmul_rn(share, range.scale), range.offset);
    }
    store_lane(image, tile, x);
  }
}

}  // namespace

void dequantize(const Queue& queue, const GridRange* ranges, const std::byte* codes, int bits,
                Tensor values) {
  const std::int64_t images = values.shape[0], each = values.shape.elements() / images;
  const auto code_bytes =
      static_cast<std::int64_t>(packed_bytes(static_cast<std::uint64_t>(each), bits));
  constexpr int warps = block_threads / 32;
  const std::int64_t max = (each + tile_values * warps - 1) / (tile_values * warps);
  // With enough images, a warp processes several tiles.
  const std::int64_t enough = (queue.multiprocessors * 16 + images - 1) / images;
  const dim3 grid(static_cast<unsigned>(std::min(max, enough)), static_cast<unsigned>(images));
  with_type(values.dtype, [&](auto type) {
    using T = decltype(type);
    with_width(bits, [&](auto width) {
      launch(queue, "the dequantize kernel", dequantize_kernel<T, width.value>, grid,
             dim3(block_threads), 0, ranges, codes, code_bytes, static_cast<T*>(values.data), each);
    });
  });
}

}  // namespace quantring::cuda
