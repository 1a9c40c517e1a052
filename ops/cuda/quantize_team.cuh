#pragma once
// Quantizing one image by a team of thread blocks, in phases; between two phases every block reads
// what the others of its team have found. On compute capability 9.0 a team is a cluster, the blocks
// read each other's shared memory and one kernel does all; elsewhere every phase is a kernel and
// what they find lies in global memory. Arithmetic: ops/coding_arithmetic.h.

#include "ops/coding_arithmetic.h"
#include "ops/cuda/coding_tile.cuh"

namespace quantring::cuda {

inline constexpr int most_warps = 32;
inline constexpr int most_blocks = 16;  // of a team

// What one block found in its part of an image.
struct Found {
  coding::Extremes extremes;
  coding::Moments moments;                       // aciq
  std::uint64_t magnitudes;                      // ds-aciq
  std::uint64_t best;                            // of the candidates that this block tried
  std::uint32_t counts[coding::histogram_bins];  // ds-aciq
};

// Shared memory of a block; parts that are never in use together share it.
struct QuantizeShared {
  Found found;
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

__device__ inline float warp_min(float x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) x = fminf(x, __shfl_xor_sync(all_lanes, x, lane));
  return x;
}
__device__ inline float warp_max(float x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) x = fmaxf(x, __shfl_xor_sync(all_lanes, x, lane));
  return x;
}
template <class Whole>
__device__ inline Whole warp_sum(Whole x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(all_lanes, x, lane);
  return x;
}
// The order of additions is that of lane_sum in ops/cpu/clip.cpp.
__device__ inline float warp_float_sum(float x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) {
    x = coding::add(x, __shfl_xor_sync(all_lanes, x, lane));
  }
  return x;
}
__device__ inline std::uint64_t warp_min(std::uint64_t x) {
#pragma unroll
  for (int lane = 16; lane > 0; lane /= 2) {
    const std::uint64_t other = __shfl_xor_sync(all_lanes, x, lane);
    x = other < x ? other : x;
  }
  return x;
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

// Every warp asks for itself: no barrier of the block is needed. of(rank): what a block has found.
template <class Team>
__device__ inline coding::Extremes team_extremes(const Team& team) {
  coding::Extremes all;
  if (lane_index() < team.blocks()) all = team.of(lane_index()).extremes;
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

template <class Team>
__device__ inline coding::Moments team_moments(const Team& team) {
  coding::Moments all;
  if (lane_index() < team.blocks()) all = team.of(lane_index()).moments;
  return {warp_sum(all.count), warp_sum(all.sum), warp_sum(all.squares)};
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

// ---- phase 3 (ds-aciq): the search

// What a lane of every warp holds to try candidates: its column of the rows of points.
struct Search {
  float share[coding::search_rows], distance[coding::search_rows];
  float b0, step;

  // The Laplace's heights at the lane's points; returns the sum over all points.
  __device__ float heights(float b, float (&height)[coding::search_rows]) const {
    const float inverse = coding::divide(1.0F, b);
    float sum = 0;
#pragma unroll
    for (int row = 0; row < coding::search_rows; ++row) {
      height[row] = coding::exp_of_negative(coding::multiply(distance[row], inverse));
      sum = coding::add(sum, height[row]);
    }
    return warp_float_sum(sum);
  }
  __device__ float error(float b) const {
    float height[coding::search_rows];
    const float inverse = coding::divide(1.0F, heights(b, height));
    float sum = 0;
#pragma unroll
    for (int row = 0; row < coding::search_rows; ++row) {
      const float off = coding::subtract(share[row], coding::multiply(height[row], inverse));
      sum = coding::add(sum, coding::multiply(off, off));
    }
    return warp_float_sum(sum);
  }
};

// Adds up the team's histograms. b0 is 0 where nothing can be searched.
template <class Team>
__device__ inline Search prepare_search(const Team& team, const coding::Binning& binning,
                                        coding::Extremes extremes, QuantizeShared& shared) {
  const int lane = lane_index(), blocks = team.blocks();
  __syncthreads();  // the room of shared.totals has been read as shared.counts
  for (int row = warp_index(); row < coding::search_rows; row += block_warps()) {
    const int bin = row * coding::search_lanes + lane;
    std::uint32_t count = 0;
    if (bin < coding::histogram_bins) {
#pragma unroll 8
      for (int rank = 0; rank < blocks; ++rank) count += team.of(rank).counts[bin];
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
    const std::uint64_t all = warp_sum(lane < blocks ? team.of(lane).magnitudes : 0);
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
  search.b0 = coding::mean_magnitude(shared.magnitudes, finite);
  const float high = coding::multiply(extremes.high, binning.unit);
  const float all = static_cast<float>(finite);
  float nearest = coding::infinity;
#pragma unroll
  for (int row = 0; row < coding::search_rows; ++row) {
    search.share[row] = coding::divide(static_cast<float>(shared.totals[row][lane]), all);
    search.distance[row] =
        coding::point_distance(row * coding::search_lanes + lane, binning.low, high);
    nearest = fminf(nearest, search.distance[row]);
  }
  nearest = warp_min(nearest);
#pragma unroll
  for (int row = 0; row < coding::search_rows; ++row) {
    search.distance[row] = coding::subtract(search.distance[row], nearest);
  }
  float height[coding::search_rows];
  const float sum = search.heights(search.b0, height);
  search.step =
      coding::search_step(search.b0, sum, coding::divide(static_cast<float>(tallest), all));
  return search;
}

// The best of candidates first, first + stride, ... of this block's warps.
__device__ inline void try_candidates(const Search& search, int first, int stride,
                                      QuantizeShared& shared, Found& found) {
  std::uint64_t best = ~std::uint64_t{0};
  for (int i = first; i <= coding::search_steps; i += stride) {
    const std::uint64_t key =
        coding::search_key(search.error(coding::candidate(search.b0, search.step, i)), i);
    best = key < best ? key : best;
  }
  if (lane_index() == 0) shared.keys[warp_index()] = best;
  __syncthreads();
  if (warp_index() == 0) {
    const std::uint64_t all =
        warp_min(lane_index() < block_warps() ? shared.keys[lane_index()] : ~std::uint64_t{0});
    if (lane_index() == 0) found.best = all;
  }
}

template <class Team>
__device__ inline std::uint64_t team_best(const Team& team) {
  return warp_min(lane_index() < team.blocks() ? team.of(lane_index()).best : ~std::uint64_t{0});
}

__device__ inline float searched_clip(const Search& search, std::uint64_t best, float unit,
                                      float factor) {
  if (!(search.b0 > 0.0F)) return coding::no_clip;
  const float b = coding::candidate(search.b0, search.step, static_cast<int>(best & 0xffffffffu));
  return coding::divide(coding::multiply(factor, b), unit);
}

// ---- last phase: codes

template <int bits>
struct Quantizer {
  static constexpr float top = static_cast<float>((1 << bits) - 1);
  GridRange range;
  coding::Extremes limits;
  float inverse;
  bool plain;  // neither subnormal nor near the largest float: see code()

  __device__ explicit Quantizer(coding::Extremes clamped)
      : range(coding::grid_range(clamped)), limits(clamped) {
    inverse = __frcp_rn(range.scale);
    plain = range.scale >= 0x1p-80F && range.scale <= 0x1p125F;
  }

  __device__ std::uint32_t code(float x) const {
    float y;
    if (plain) {
      // Clamped first, NaN to the smallest; then (x - offset) / scale, correctly rounded: twice
      // corrected by the exact remainder (Markstein 1990).
      x = fminf(fmaxf(x, limits.low), limits.high);
      const float a = __fsub_rn(x, range.offset);
      float q = __fmul_rn(a, inverse);
      q = __fmaf_rn(__fmaf_rn(-q, range.scale, a), inverse, q);
      q = __fmaf_rn(__fmaf_rn(-q, range.scale, a), inverse, q);
      y = __fmul_rn(q, top);
    } else {
      y = __fmul_rn(__fdiv_rn(__fsub_rn(x, range.offset), range.scale), top);
      y = y > 0.0F ? y : 0.0F;
      y = y < top ? y : top;
    }
    return coding::to_bits(__fadd_rn(y, coding::round_unsigned)) & ((1u << bits) - 1);
  }
};

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
