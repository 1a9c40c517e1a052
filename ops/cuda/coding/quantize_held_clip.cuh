#pragma once
// The clips of method held (quantize_held.cuh), and the shared memory through which its blocks
// communicate.

#include <cooperative_groups.h>

#include "ops/cuda/coding/quantize_error.cuh"
#include "ops/cuda/coding/quantize_fit.cuh"
#include "ops/cuda/coding/quantize_held_values.cuh"

namespace quantring::cuda {

struct HeldShared {
  BlockShared block;
  // Written by the image's other blocks.
  Extent extents[max_blocks];
  coding::Moments moments[max_blocks];
  std::uint64_t keys[max_blocks];
};

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900

struct HeldTeam {
  HeldShared& shared;
  int rank, blocks;

  template <class Value>
  __device__ Value* in_block(Value* own, int block) const {
    return cooperative_groups::this_cluster().map_shared_rank(own, static_cast<unsigned>(block));
  }
};

__device__ inline coding::Moments plus(coding::Moments a, const coding::Moments& b) {
  return {a.count + b.count, a.sum + b.sum, a.squares + b.squares};
}
__device__ inline coding::Moments warp_plus(coding::Moments a) {
  return {warp_sum(a.count), warp_sum(a.sum), warp_sum(a.squares)};
}

// The minimum of the keys of the blocks' first warps.
__device__ inline std::uint64_t held_min_key(const HeldTeam& team, std::uint64_t key) {
  HeldShared& shared = team.shared;
  const int lane = lane_index();
  if (warp_index() == 0 && lane < team.blocks) *team.in_block(&shared.keys[team.rank], lane) = key;
  cooperative_groups::this_cluster().sync();
  return warp_min(lane < team.blocks ? shared.keys[lane] : ~std::uint64_t{0});
}

template <class T>
__device__ inline float held_moment_clip(const HeldTeam& team, const Held<T>& held, bool finite,
                                         coding::Extremes extremes, std::int64_t each,
                                         float factor) {
  HeldShared& shared = team.shared;
  const float unit = coding::unit_scale(extremes);
  const int fraction = coding::moment_bits(each);
  const float one = static_cast<float>(1 << fraction);
  std::int32_t sum = 0, count = 0;  // 256 values of at most 2^22
  std::uint64_t squares = 0;
  held.each([&](const float(&x)[lane_values]) {
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      if (!finite && !coding::is_finite(x[i])) continue;
      const std::int32_t v =
          coding::rounded_signed(coding::multiply(coding::multiply(x[i], unit), one));
      ++count;
      sum += v;
      squares += static_cast<std::uint64_t>(std::int64_t{v} * v);
    }
  });
  const coding::Moments mine =
      warp_plus({static_cast<std::uint64_t>(count), std::int64_t{sum}, squares});
  if (lane_index() == 0) shared.block.moments[warp_index()] = mine;
  __syncthreads();
  if (warp_index() == 0) {
    const int lane = lane_index();
    coding::Moments all;
    if (lane < block_warps()) all = shared.block.moments[lane];
    all = warp_plus(all);
    if (lane < team.blocks) *team.in_block(&shared.moments[team.rank], lane) = all;
  }
  cooperative_groups::this_cluster().sync();
  if (threadIdx.x == 0) {
    coding::Moments all;
    for (int rank = 0; rank < team.blocks; ++rank) all = plus(all, shared.moments[rank]);
    shared.block.value = coding::moment_clip(all, fraction, unit, factor);
  }
  __syncthreads();
  return shared.block.value;
}

// The clip of ds-aciq: all blocks count the whole sample and share the candidates.
template <class T>
__device__ inline float held_fit_clip(const HeldTeam& team, const Image<const T>& image,
                                      coding::Extremes extremes, float factor) {
  HeldShared& shared = team.shared;
  const coding::Binning binning = coding::binning(extremes);
  Fit fit = find_fit(image, binning, team.rank, team.blocks, shared.block);
  fit.key = held_min_key(team, fit.key);
  return fit_clip(fit, binning, factor);
}

// The clip of ds-aciq+. extent: of the image.
template <class T>
__device__ inline float held_error_clip(const HeldTeam& team, const Image<const T>& image, int dim,
                                        const Extent& extent, float top) {
  HeldShared& shared = team.shared;
  const std::uint64_t key =
      min_error_key(image, dim, extent, top, team.rank, team.blocks, shared.block);
  return coding::searched_clip(extent.extremes, coding::candidate_of(held_min_key(team, key)));
}

#endif

}  // namespace quantring::cuda
