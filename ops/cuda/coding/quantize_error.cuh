#pragma once
// The clip of ds-aciq+: the blocks of an image share its candidates.

#include "ops/cuda/coding/quantize_block.cuh"

namespace quantring::cuda {

// The sum of f(x) over a token's values times unit, in the order of token_sum in
// ops/cpu/coding/error_clip.cpp.
template <class T, class F>
__device__ inline float token_sum(const T* token, int dim, float unit, F&& f) {
  static_assert(coding::token_lanes == 32);
  float sum = 0.0F;
#pragma unroll 4
  for (int i = lane_index(); i < dim; i += 32) {
    sum = coding::add(sum, f(coding::searched_value(to_float(token[i]), unit)));
  }
  return warp_float_sum(sum);
}

// The best key of the candidates rank, rank + blocks, ... Called by a whole block; the first warp
// returns the key. extent: of the image, which has two different values.
template <class T>
__device__ inline std::uint64_t min_error_key(const Image<const T>& image, int dim,
                                              const Extent& extent, float top, int rank, int blocks,
                                              BlockShared& shared) {
  const int lane = lane_index(), warp = warp_index(), warps = block_warps();
  const float unit = coding::unit_scale(extent.extremes);
  const coding::Extremes extremes{coding::multiply(extent.extremes.low, unit),
                                  coding::multiply(extent.extremes.high, unit)};
  if (threadIdx.x == 0) {
    const auto token_of = [dim](std::uint64_t place) {
      return static_cast<std::int64_t>(place / static_cast<unsigned>(dim));
    };
    shared.tokens = coding::select_search_tokens(image.count / dim, token_of(extent.places.low),
                                                 token_of(extent.places.high), extent.extremes);
  }
  __syncthreads();
  const coding::SearchedTokens& list = shared.tokens;
  const auto token = [&](int t) { return image.values + list.index[t] * dim; };
  for (int t = warp; t < list.count; t += warps) {
    const float squares =
        token_sum(token(t), dim, unit, [](float x) { return coding::multiply(x, x); });
    if (lane == 0) shared.factors[t] = coding::token_factor(list.weight[t], squares, dim);
  }
  const int own = (coding::clip_candidates - rank + blocks - 1) / blocks;
  for (int pair = warp; pair < own * list.count; pair += warps) {
    const int t = pair % list.count, c = pair / list.count;
    const coding::CandidateGrid grid = coding::candidate_grid(extremes, rank + c * blocks, top);
    const float cubes =
        token_sum(token(t), dim, unit, [&](float x) { return coding::cubed_error(x, grid); });
    if (lane == 0) shared.cubes[c][t] = cubes;
  }
  __syncthreads();
  std::uint64_t best = coding::search_key(coding::infinity, 0);
  if (warp == 0) {
    if (lane < own) {
      const int k = rank + lane * blocks;
      const coding::CandidateGrid grid = coding::candidate_grid(extremes, k, top);
      float error = 0.0F;
      for (int t = 0; t < list.count; ++t) {
        error =
            coding::add(error, coding::token_error(shared.cubes[lane][t], shared.factors[t], grid));
      }
      if (grid.possible && error < coding::infinity) best = coding::search_key(error, k);
    }
    best = warp_min(best);
  }
  return best;
}

}  // namespace quantring::cuda
