#pragma once
// Work of one block, common to both methods: reductions, the positions of the extremes, and shared
// memory.

#include "ops/coding/coding_clip.h"
#include "ops/coding/coding_error.h"
#include "ops/cuda/coding/coding_tile.cuh"
#include "ops/cuda/coding/quantize.h"
#include "ops/cuda/coding/quantize_math.cuh"

namespace quantring::cuda {

// The first position of each extreme in an image; the maximum where there is none.
struct Places {
  std::uint64_t low = ~std::uint64_t{0}, high = ~std::uint64_t{0};
};

struct Extent {
  coding::Extremes extremes;
  Places places;  // ds-aciq+ only
};

// Combines the lanes' extents.
__device__ inline Extent warp_extent(const Extent& mine) {
  Extent all;
  all.extremes = {warp_min(mine.extremes.low), warp_max(mine.extremes.high)};
  all.places.low =
      warp_min(mine.extremes.low == all.extremes.low ? mine.places.low : ~std::uint64_t{0});
  all.places.high =
      warp_min(mine.extremes.high == all.extremes.high ? mine.places.high : ~std::uint64_t{0});
  return all;
}

// x: values of an image from `first` on.
__device__ inline void find_places(const float (&x)[lane_values], std::uint64_t first,
                                   coding::Extremes extremes, Places& places) {
#pragma unroll
  for (int i = 0; i < lane_values; ++i) {
    if (x[i] == extremes.low && first + i < places.low) places.low = first + i;
    if (x[i] == extremes.high && first + i < places.high) places.high = first + i;
  }
}

struct BlockShared {
  union {
    // One column per lane, so that the lanes of a warp never use the same bank.
    std::uint32_t counts[coding::histogram_bins][32];
    uint4 stage[max_warps][32];
  };
  // ds-aciq
  float share[coding::histogram_bins];
  std::uint64_t magnitudes[max_warps];
  std::uint32_t finite[max_warps];
  std::uint64_t fit_keys[max_warps];
  // ds-aciq+
  coding::SearchedTokens tokens;
  float factors[coding::searched_tokens];
  float cubes[coding::clip_candidates][coding::searched_tokens];
  // all
  Extent extents[max_warps];
  coding::Moments moments[max_warps];
  float value;  // computed by one thread for all, since doubles are slow
};

}  // namespace quantring::cuda
