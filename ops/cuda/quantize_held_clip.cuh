#pragma once
// The clips of aciq and ds-aciq where a cluster holds the image (quantize_held.cuh), and the shared
// memory through which its blocks speak.

#include <cooperative_groups.h>

#include "ops/cuda/quantize_held_values.cuh"
#include "ops/cuda/quantize_math.cuh"

namespace quantring::cuda {

struct HeldShared {
  // Written by the team's other blocks.
  coding::Extremes extremes[most_blocks];
  coding::Moments moments[most_blocks];
  std::uint64_t magnitudes[most_blocks];
  std::uint32_t finite[most_blocks];
  std::uint64_t keys[most_blocks * most_warps];
  std::uint32_t counts_of[most_blocks][coding::histogram_bins];
  // The block's own. One row more than bins: the largest value is counted there.
  union {
    std::uint32_t counts[coding::histogram_bins + 1][32];
    uint4 stage[most_warps][32];
  };
  std::uint32_t totals[coding::histogram_bins];
  float share[coding::search_rows][coding::search_lanes];
  std::uint32_t tallest[coding::search_rows];
  coding::Moments warp_moments[most_warps];
  coding::Extremes warp_extremes[most_warps];
  std::uint64_t warp_magnitudes[most_warps];
  std::uint32_t warp_finite[most_warps];
  float value;  // that one thread computes for all
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
  if (lane_index() == 0) shared.warp_moments[warp_index()] = mine;
  __syncthreads();
  if (warp_index() == 0) {
    const int lane = lane_index();
    coding::Moments all;
    if (lane < block_warps()) all = shared.warp_moments[lane];
    all = warp_plus(all);
    if (lane < team.blocks) *team.in_block(&shared.moments[team.rank], lane) = all;
  }
  cooperative_groups::this_cluster().sync();
  if (threadIdx.x == 0) {
    coding::Moments all;
    for (int rank = 0; rank < team.blocks; ++rank) all = plus(all, shared.moments[rank]);
    shared.value = coding::moment_clip(all, fraction, unit, factor);
  }
  __syncthreads();
  return shared.value;
}

template <class T>
__device__ inline void held_histogram(const HeldTeam& team, const Held<T>& held, bool finite,
                                      const coding::Binning& binning) {
  HeldShared& shared = team.shared;
  const int lane = lane_index(), warp = warp_index(), warps = block_warps();
  std::uint32_t* const column = &shared.counts[0][lane];
  std::uint32_t magnitudes = 0, count = 0;  // 256 values of at most 2^22
  held.each([&](const float(&x)[lane_values]) {
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      if (!finite && !coding::is_finite(x[i])) continue;
      const float u = coding::multiply(x[i], binning.unit);
      const float y = coding::multiply(coding::subtract(u, binning.low), binning.per_unit);
      // Rounded down to an integer, 200 at most, in the low bits.
      const std::uint32_t bin = coding::to_bits(__fadd_rd(y, coding::round_unsigned)) & 0xffu;
      atomicAdd(&column[bin * 32], 1u);
      magnitudes +=
          coding::rounded_unsigned(coding::multiply(coding::magnitude(u), coding::magnitude_one));
      ++count;
    }
  });
  count = __reduce_add_sync(all_lanes, count);
  const std::uint64_t low = __reduce_add_sync(all_lanes, magnitudes & 0xffffu);
  const std::uint64_t high = __reduce_add_sync(all_lanes, magnitudes >> 16);
  if (lane == 0) {
    shared.warp_magnitudes[warp] = low + (high << 16);
    shared.warp_finite[warp] = count;
  }
  __syncthreads();
#pragma unroll 4
  for (int bin = warp; bin < coding::histogram_bins; bin += warps) {
    std::uint32_t found = shared.counts[bin][lane];
    if (bin == coding::histogram_bins - 1) found += shared.counts[bin + 1][lane];
    found = __reduce_add_sync(all_lanes, found);
    if (lane == 0) shared.totals[bin] = found;
  }
  if (warp == 0) {
    const std::uint64_t all = warp_sum(lane < warps ? shared.warp_magnitudes[lane] : 0);
    const std::uint32_t values =
        __reduce_add_sync(all_lanes, lane < warps ? shared.warp_finite[lane] : 0);
    if (lane < team.blocks) {
      *team.in_block(&shared.magnitudes[team.rank], lane) = all;
      *team.in_block(&shared.finite[team.rank], lane) = values;
    }
  }
  __syncthreads();
  for (int block = 0; block < team.blocks; ++block) {
    std::uint32_t* const target = team.in_block(shared.counts_of[team.rank], block);
    for (int bin = static_cast<int>(threadIdx.x); bin < coding::histogram_bins;
         bin += static_cast<int>(blockDim.x)) {
      target[bin] = shared.totals[bin];
    }
  }
}

// After held_histogram and a barrier of the cluster. search: with its distances.
__device__ inline float held_search_clip(const HeldTeam& team, Search& search, float unit,
                                         float factor) {
  HeldShared& shared = team.shared;
  const int lane = lane_index(), warp = warp_index(), warps = block_warps();
  const std::uint32_t finite =
      __reduce_add_sync(all_lanes, lane < team.blocks ? shared.finite[lane] : 0);
  const float all = static_cast<float>(finite);
  for (int row = warp; row < coding::search_rows; row += warps) {
    const int bin = row * coding::search_lanes + lane;
    std::uint32_t count = 0;
    if (bin < coding::histogram_bins) {
      for (int rank = 0; rank < team.blocks; ++rank) count += shared.counts_of[rank][bin];
    }
    shared.share[row][lane] = coding::divide(static_cast<float>(count), all);
    const std::uint32_t tallest = __reduce_max_sync(all_lanes, count);
    if (lane == 0) shared.tallest[row] = tallest;
  }
  if (warp == warps - 1) {
    const std::uint64_t sum = warp_sum(lane < team.blocks ? shared.magnitudes[lane] : 0);
    if (lane == 0) shared.value = coding::mean_magnitude(sum, finite);
  }
  __syncthreads();
  search.b0 = shared.value;
  std::uint32_t tallest = 0;
#pragma unroll
  for (int row = 0; row < coding::search_rows; ++row) {
    search.share[row] = shared.share[row][lane];
    tallest = max(tallest, shared.tallest[row]);
  }
  float height[coding::search_rows];
  const float sum = search.heights(search.b0, height);
  search.step =
      coding::search_step(search.b0, sum, coding::divide(static_cast<float>(tallest), all));
  std::uint64_t best = ~std::uint64_t{0};
  for (int i = team.rank * warps + warp; i <= coding::search_steps; i += team.blocks * warps) {
    const std::uint64_t key =
        coding::search_key(search.error(coding::candidate(search.b0, search.step, i)), i);
    best = key < best ? key : best;
  }
  if (lane < team.blocks) *team.in_block(&shared.keys[team.rank * warps + warp], lane) = best;
  cooperative_groups::this_cluster().sync();
  best = ~std::uint64_t{0};
  for (int i = lane; i < team.blocks * warps; i += 32) {
    best = shared.keys[i] < best ? shared.keys[i] : best;
  }
  return searched_clip(search, warp_min(best), unit, factor);
}

#endif

}  // namespace quantring::cuda
