#pragma once
// Quantization of one image by a team of thread blocks in phases, one kernel each; results of a
// phase are passed to the next through global memory. Arithmetic: ops/coding/coding_arithmetic.h.

#include "ops/cuda/coding/quantize_block.cuh"
#include "ops/cuda/coding/quantize_error.cuh"
#include "ops/cuda/coding/quantize_fit.cuh"

namespace quantring::cuda {

// Results of one block for its part of an image.
struct Found {
  Extent extent;
  coding::Moments moments;  // aciq
  std::uint64_t key;        // ds-aciq+
};

// Results of all blocks of an image.
struct Team {
  const Found* found;
  int blocks;
};

// The tiles of an image that one block processes.
struct Part {
  std::int64_t first, end;
  __device__ Part(std::int64_t tiles, int rank, int blocks)
      : first(tiles * rank / blocks), end(tiles * (rank + 1) / blocks) {}
};

// Calls f(x) with each lane's values of each tile of this warp.
template <class T, class F>
__device__ inline void for_each_tile(const Image<const T>& image, const Part& part, F&& f) {
#pragma unroll 4
  for (std::int64_t tile = part.first + warp_index(); tile < part.end; tile += block_warps()) {
    float x[lane_values];
    load_lane(image, tile, x);
    f(tile, x);
  }
}

// ---- phase 1: the extremes

template <class T>
__device__ inline void find_extent(const Image<const T>& image, const Part& part, bool places,
                                   BlockShared& shared, Found& found) {
  Extent mine;
  for_each_tile(image, part, [&](std::int64_t, const float(&x)[lane_values]) {
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      // x, or NaN for infinity; fminf and fmaxf ignore NaN.
      const float finite = __fmaf_rn(x[i], 0.0F, x[i]);
      mine.extremes.low = fminf(mine.extremes.low, finite);
      mine.extremes.high = fmaxf(mine.extremes.high, finite);
    }
  });
  mine.extremes = {warp_min(mine.extremes.low), warp_max(mine.extremes.high)};
  if (places) {
    for_each_tile(image, part, [&](std::int64_t tile, const float(&x)[lane_values]) {
      find_places(x, static_cast<std::uint64_t>(image.first(tile)), mine.extremes, mine.places);
    });
    mine = warp_extent(mine);
  }
  if (lane_index() == 0) shared.extents[warp_index()] = mine;
  __syncthreads();
  if (warp_index() == 0) {
    Extent all;
    if (lane_index() < block_warps()) all = shared.extents[lane_index()];
    all = warp_extent(all);
    if (lane_index() == 0) found.extent = all;
  }
}

// Computed by every warp, so that no barrier is needed.
__device__ inline Extent team_extent(const Team& team) {
  Extent all;
  if (lane_index() < team.blocks) all = team.found[lane_index()].extent;
  return warp_extent(all);
}

// ---- phase 2: the statistics that choose the clip (aciq; ds-aciq+: quantize_error.cuh)

template <class T>
__device__ inline void find_moments(const Image<const T>& image, const Part& part, float unit,
                                    BlockShared& shared, Found& found) {
  const float one = static_cast<float>(1 << coding::moment_bits(image.count));
  coding::Moments mine;
  for_each_tile(image, part, [&](std::int64_t, const float(&x)[lane_values]) {
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      const bool counts = coding::is_finite(x[i]);
      const std::int64_t v = coding::rounded_signed(
          coding::multiply(coding::multiply(counts ? x[i] : 0.0F, unit), one));
      mine.count += counts;
      mine.sum += v;
      mine.squares += static_cast<std::uint64_t>(v * v);
    }
  });
  mine = {warp_sum(mine.count), warp_sum(mine.sum), warp_sum(mine.squares)};
  if (lane_index() == 0) shared.moments[warp_index()] = mine;
  __syncthreads();
  if (warp_index() == 0) {
    coding::Moments all;
    if (lane_index() < block_warps()) all = shared.moments[lane_index()];
    all = {warp_sum(all.count), warp_sum(all.sum), warp_sum(all.squares)};
    if (lane_index() == 0) found.moments = all;
  }
}

// ---- phase 3: the clip and the codes

__device__ inline float team_moment_clip(const Team& team, std::int64_t each, float unit,
                                         float factor, BlockShared& shared) {
  if (warp_index() == 0) {
    coding::Moments all;
    if (lane_index() < team.blocks) all = team.found[lane_index()].moments;
    all = {warp_sum(all.count), warp_sum(all.sum), warp_sum(all.squares)};
    if (lane_index() == 0) {
      shared.value = coding::moment_clip(all, coding::moment_bits(each), unit, factor);
    }
  }
  __syncthreads();
  return shared.value;
}

__device__ inline float team_error_clip(const Team& team, coding::Extremes extremes) {
  const std::uint64_t key =
      warp_min(lane_index() < team.blocks ? team.found[lane_index()].key : ~std::uint64_t{0});
  return coding::searched_clip(extremes, coding::candidate_of(key));
}

template <class T, int bits>
__device__ inline void write_codes(const Image<const T>& image, const Part& part,
                                   const Quantizer<bits>& quantizer, BlockShared& shared,
                                   std::byte* image_codes) {
  auto& stage = reinterpret_cast<TileCodes<bits>&>(shared.stage[warp_index()]);
  const bool constant = quantizer.range.scale == 0.0F;
  for_each_tile(image, part, [&](std::int64_t tile, const float(&x)[lane_values]) {
    std::uint32_t code[lane_values];
    const std::int64_t first = image.first(tile);
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      code[i] = constant || first + i >= image.count ? 0 : quantizer.code(x[i]);
    }
    store_codes<bits>(pack_lane<bits>(code), stage, image_codes, image.count, tile);
  });
}

}  // namespace quantring::cuda
