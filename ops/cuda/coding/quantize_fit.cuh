#pragma once
// The clip of ds-aciq. Its sample is so small that every block of an image counts all of it, which
// is faster than combining the blocks' counts.

#include "ops/cuda/coding/quantize_block.cuh"

namespace quantring::cuda {

// Before find_fit and a barrier.
__device__ inline void clear_counts(BlockShared& shared) {
  auto* const counts = reinterpret_cast<uint4*>(&shared.counts);
  for (int i = static_cast<int>(threadIdx.x); i < coding::histogram_bins * 8;
       i += static_cast<int>(blockDim.x)) {
    counts[i] = make_uint4(0, 0, 0, 0);
  }
}

// Ends with a barrier.
template <class T>
__device__ inline void count_sample(const Image<const T>& image, const coding::Binning& binning,
                                    BlockShared& shared) {
  const int lane = lane_index(), warp = warp_index();
  const bool whole = image.count <= coding::sample_values;
  const int runs =
      whole ? static_cast<int>((image.count + coding::run_values - 1) / coding::run_values)
            : coding::sample_runs;
  std::uint32_t magnitudes = 0, finite = 0;  // 1024 values of at most 2^22
  for (int j = static_cast<int>(threadIdx.x); j < runs; j += static_cast<int>(blockDim.x)) {
    static_assert(coding::run_values == lane_values);
    const std::uint64_t run =
        whole
            ? j
            : coding::sampled_run(j, static_cast<std::uint64_t>(image.count) / coding::run_values);
    float x[lane_values];
    load_values(image, static_cast<std::int64_t>(run) * coding::run_values, x);
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      if (!coding::is_finite(x[i])) continue;
      const float u = coding::multiply(x[i], binning.unit);
      const float y = coding::multiply(coding::subtract(u, binning.low), binning.per_unit);
      // Rounded down to an integer in the low bits.
      const std::uint32_t bin = coding::to_bits(__fadd_rd(y, coding::round_unsigned)) - 0x4b000000u;
      atomicAdd(&shared.counts[min(bin, coding::histogram_bins - 1u)][lane], 1u);
      magnitudes +=
          coding::rounded_unsigned(coding::multiply(coding::magnitude(u), coding::magnitude_one));
      ++finite;
    }
  }
  const std::uint64_t sum = warp_sum(std::uint64_t{magnitudes});
  finite = __reduce_add_sync(all_lanes, finite);
  if (lane == 0) {
    shared.magnitudes[warp] = sum;
    shared.finite[warp] = finite;
  }
  __syncthreads();
  const bool used = lane < block_warps();
  const std::uint32_t all = __reduce_add_sync(all_lanes, used ? shared.finite[lane] : 0u);
#pragma unroll 4
  for (int bin = warp; bin < coding::histogram_bins; bin += block_warps()) {
    const std::uint32_t count = __reduce_add_sync(all_lanes, shared.counts[bin][lane]);
    if (lane == 0) {
      shared.share[bin] = coding::divide(static_cast<float>(count), static_cast<float>(all));
    }
  }
  if (warp == block_warps() - 1) {
    const std::uint64_t total = warp_sum(used ? shared.magnitudes[lane] : 0);
    if (lane == 0) shared.value = coding::mean_magnitude(total, all);
  }
  __syncthreads();
}

// Sum over the lanes of a candidate, in the order of add_lanes in ops/cpu/coding/clip.cpp.
__device__ inline float fit_lanes_sum(float x) {
#pragma unroll
  for (int lane = coding::fit_lanes / 2; lane > 0; lane /= 2) {
    x = coding::add(x, __shfl_xor_sync(all_lanes, x, lane));
  }
  return x;
}

struct Fit {
  float b0, step;  // b0 <= 0: nothing to fit
  std::uint64_t key;
};

// The best of the candidates rank, rank + blocks, ... Called by a whole block, whose counts are
// cleared; the image has two different values.
template <class T>
__device__ inline Fit find_fit(const Image<const T>& image, const coding::Binning& binning,
                               int rank, int blocks, BlockShared& shared) {
  const coding::LaplacePoints points = coding::laplace_points(binning);
  count_sample(image, binning, shared);
  Fit fit{shared.value, 0.0F, ~std::uint64_t{0}};
  if (!(fit.b0 > 0.0F)) return fit;  // the whole block
  const int lane = lane_index(), warp = warp_index(), warps = block_warps();
  float tallest = 0.0F;
  for (int bin = lane; bin < coding::histogram_bins; bin += 32) {
    tallest = fmaxf(tallest, shared.share[bin]);
  }
  tallest = warp_max(tallest);
  const int part = lane % coding::fit_lanes;
  const auto sum_of = [&](const coding::Laplace& of) {
    return coding::sum_of_heights(fit_lanes_sum(coding::lane_heights(points, of, part)));
  };
  fit.step = coding::search_step(fit.b0, sum_of(coding::laplace(points, fit.b0, part)), tallest);
  constexpr int in_warp = 32 / coding::fit_lanes;
  const int own = (coding::search_steps + 1 - rank + blocks - 1) / blocks;
  for (int first = warp * in_warp; first < own; first += warps * in_warp) {
    const int index = first + lane / coding::fit_lanes, i = rank + index * blocks;
    const coding::Laplace of =
        coding::laplace(points, coding::candidate(fit.b0, fit.step, i), part);
    const float per_sum = coding::divide(1.0F, sum_of(of));
    float error = 0.0F;
    coding::each_point(points, of, part, [&](int at, float height) {
      error = coding::add(error, coding::misfit(shared.share[at], height, per_sum));
    });
    error = coding::add(fit_lanes_sum(error),
                        coding::misfit(shared.share[points.nearest], 1.0F, per_sum));
    const std::uint64_t key = coding::search_key(error, i);
    if (index < own && key < fit.key) fit.key = key;
  }
  fit.key = warp_min(fit.key);
  if (lane == 0) shared.fit_keys[warp] = fit.key;
  __syncthreads();
  fit.key = warp_min(lane < warps ? shared.fit_keys[lane] : ~std::uint64_t{0});
  return fit;
}

// fit.key: of all candidates.
__device__ inline float fit_clip(const Fit& fit, const coding::Binning& binning, float factor) {
  if (!(fit.b0 > 0.0F)) return coding::no_clip;
  const float b = coding::candidate(fit.b0, fit.step, coding::candidate_of(fit.key));
  return coding::divide(coding::multiply(factor, b), binning.unit);
}

}  // namespace quantring::cuda
