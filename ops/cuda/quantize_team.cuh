#pragma once
// Quantizing one image by a team of thread blocks, in phases, each of them a kernel: what the
// blocks find in one lies in global memory for the next. Arithmetic: ops/coding_arithmetic.h.

#include "ops/coding_arithmetic.h"
#include "ops/cuda/coding_tile.cuh"
#include "ops/cuda/quantize_math.cuh"

namespace quantring::cuda {

// What one block found in its part of an image.
struct Found {
  coding::Extremes extremes;
  coding::Moments moments;                       // aciq
  std::uint64_t magnitudes;                      // ds-aciq
  std::uint32_t counts[coding::histogram_bins];  // ds-aciq
};

// What the blocks of an image's team have found.
struct Team {
  const Found* found;
  int blocks;
};

// Shared memory of a block; parts that are never in use together share it.
struct QuantizeShared {
  union {
    // A column a lane, so that the lanes of a warp never count in the same bank.
    std::uint32_t counts[coding::histogram_bins][32];
    std::uint32_t totals[coding::search_rows][coding::search_lanes];
    uint4 stage[most_warps][32];
  };
  float low[most_warps], high[most_warps];
  coding::Moments moments[most_warps];
  std::uint64_t keys[most_warps];
  std::uint32_t row_total[coding::search_rows], row_tallest[coding::search_rows];
  std::uint64_t magnitudes;
  float value;  // that one thread computes for all: doubles are slow
};

// The tiles of an image that one block of a team takes.
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
__device__ inline void find_extremes(const Image<const T>& image, const Part& part,
                                     QuantizeShared& shared, Found& found) {
  coding::Extremes mine;
  for_each_tile(image, part, [&](std::int64_t, const float(&x)[lane_values]) {
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      // x, or NaN for infinity; fminf and fmaxf pass over NaN.
      const float finite = __fmaf_rn(x[i], 0.0F, x[i]);
      mine.low = fminf(mine.low, finite);
      mine.high = fmaxf(mine.high, finite);
    }
  });
  mine = {warp_min(mine.low), warp_max(mine.high)};
  if (lane_index() == 0) {
    shared.low[warp_index()] = mine.low;
    shared.high[warp_index()] = mine.high;
  }
  __syncthreads();
  if (warp_index() == 0) {
    const bool used = lane_index() < block_warps();
    const float low = warp_min(used ? shared.low[lane_index()] : coding::infinity);
    const float high = warp_max(used ? shared.high[lane_index()] : -coding::infinity);
    if (lane_index() == 0) found.extremes = {low, high};
  }
}

// Every warp asks for itself: no barrier of the block is needed.
__device__ inline coding::Extremes team_extremes(const Team& team) {
  coding::Extremes all;
  if (lane_index() < team.blocks) all = team.found[lane_index()].extremes;
  return {warp_min(all.low), warp_max(all.high)};
}

// ---- phase 2: the statistics that choose the clip

template <class T>
__device__ inline void find_moments(const Image<const T>& image, const Part& part, float unit,
                                    QuantizeShared& shared, Found& found) {
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

__device__ inline float team_moment_clip(const Team& team, std::int64_t each, float unit,
                                         float factor, QuantizeShared& shared) {
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

// Before find_histogram, and before anything that others may not yet have written is read.
__device__ inline void clear_counts(QuantizeShared& shared) {
  auto* const counts = reinterpret_cast<uint4*>(&shared.counts);
  for (int i = threadIdx.x; i < coding::histogram_bins * 8; i += blockDim.x) {
    counts[i] = make_uint4(0, 0, 0, 0);
  }
}

template <class T>
__device__ inline void find_histogram(const Image<const T>& image, const Part& part,
                                      const coding::Binning& binning, QuantizeShared& shared,
                                      Found& found) {
  std::uint64_t magnitudes = 0;
  const int lane = lane_index();
  for_each_tile(image, part, [&](std::int64_t, const float(&x)[lane_values]) {
    std::uint32_t sum = 0;
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      if (!coding::is_finite(x[i])) continue;
      const float u = coding::multiply(x[i], binning.unit);
      const float y = coding::multiply(coding::subtract(u, binning.low), binning.per_unit);
      // Rounded down to an integer in the low bits.
      const std::uint32_t bin = coding::to_bits(__fadd_rd(y, coding::round_unsigned)) - 0x4b000000u;
      atomicAdd(&shared.counts[min(bin, coding::histogram_bins - 1u)][lane], 1u);
      sum +=
          coding::rounded_unsigned(coding::multiply(coding::magnitude(u), coding::magnitude_one));
    }
    magnitudes += sum;
  });
  magnitudes = warp_sum(magnitudes);
  if (lane == 0) shared.keys[warp_index()] = magnitudes;
  __syncthreads();
#pragma unroll 4
  for (int bin = warp_index(); bin < coding::histogram_bins; bin += block_warps()) {
    const std::uint32_t count = __reduce_add_sync(all_lanes, shared.counts[bin][lane]);
    if (lane == 0) found.counts[bin] = count;
  }
  if (warp_index() == 0) {
    const std::uint64_t all = warp_sum(lane < block_warps() ? shared.keys[lane] : 0);
    if (lane == 0) found.magnitudes = all;
  }
}

// ---- phase 3: the search (ds-aciq) and the codes

// Adds up the team's histograms. b0 is 0 where nothing can be searched.
__device__ inline Search prepare_search(const Team& team, const coding::Binning& binning,
                                        coding::Extremes extremes, QuantizeShared& shared) {
  const int lane = lane_index(), blocks = team.blocks;
  for (int row = warp_index(); row < coding::search_rows; row += block_warps()) {
    const int bin = row * coding::search_lanes + lane;
    std::uint32_t count = 0;
    if (bin < coding::histogram_bins) {
#pragma unroll 8
      for (int rank = 0; rank < blocks; ++rank) count += team.found[rank].counts[bin];
    }
    shared.totals[row][lane] = count;
    const std::uint32_t total = __reduce_add_sync(all_lanes, count);
    const std::uint32_t tallest = __reduce_max_sync(all_lanes, count);
    if (lane == 0) {
      shared.row_total[row] = total;
      shared.row_tallest[row] = tallest;
    }
  }
  if (warp_index() == block_warps() - 1) {
    const std::uint64_t all = warp_sum(lane < blocks ? team.found[lane].magnitudes : 0);
    if (lane == 0) shared.magnitudes = all;
  }
  __syncthreads();
  std::uint32_t finite = 0, tallest = 0;
#pragma unroll
  for (int row = 0; row < coding::search_rows; ++row) {
    finite += shared.row_total[row];
    tallest = max(tallest, shared.row_tallest[row]);
  }
  Search search;
  if (threadIdx.x == 0) shared.value = coding::mean_magnitude(shared.magnitudes, finite);
  const float all = static_cast<float>(finite);
  set_distances(search, binning.low, coding::multiply(extremes.high, binning.unit));
#pragma unroll
  for (int row = 0; row < coding::search_rows; ++row) {
    search.share[row] = coding::divide(static_cast<float>(shared.totals[row][lane]), all);
  }
  __syncthreads();
  search.b0 = shared.value;
  float height[coding::search_rows];
  const float sum = search.heights(search.b0, height);
  search.step =
      coding::search_step(search.b0, sum, coding::divide(static_cast<float>(tallest), all));
  return search;
}

// The best of all candidates; every block tries them all.
__device__ inline std::uint64_t try_candidates(const Search& search, QuantizeShared& shared) {
  std::uint64_t best = ~std::uint64_t{0};
  for (int i = warp_index(); i <= coding::search_steps; i += block_warps()) {
    const std::uint64_t key =
        coding::search_key(search.error(coding::candidate(search.b0, search.step, i)), i);
    best = key < best ? key : best;
  }
  if (lane_index() == 0) shared.keys[warp_index()] = best;
  __syncthreads();
  return warp_min(lane_index() < block_warps() ? shared.keys[lane_index()] : ~std::uint64_t{0});
}

template <class T, int bits>
__device__ inline void write_codes(const Image<const T>& image, const Part& part,
                                   const Quantizer<bits>& quantizer, QuantizeShared& shared,
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
