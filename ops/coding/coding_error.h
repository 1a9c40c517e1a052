#pragma once
// The clip of ds-aciq+: a search over the actual quantization error. Step by step, as in
// ops/coding/coding_arithmetic.h.
//
// Candidates: a = max |x| * 2^(-k / 4), k = 0..23; k = 0 clips nothing. The best one minimizes
//
//   sum over tokens t of weight_t * (mean over the token of |error / rms_t|^3)^2
//
// where rms_t is the root mean square of the token. Why not the mean squared error: blocks begin
// with a layer norm, so that a token's error matters relative to the token; and the network depends
// on a few values far larger than all others (massive activations, Sun et al. 2024; one value of
// the class token in DeiT) that hardly change a mean over all values. The cube weights few large
// errors in a token more than many small ones, the square few bad tokens more than many good ones.
// The exponents were chosen by the agreement of DeiT-Tiny's answers; the mean squared error has
// less agreement at every width below 8 bits.
//
// Tokens: those with the image's largest and smallest value (the first of equals), with weight 1;
// and 8 others, from the middle of each eighth of the image, with the weight of the tokens that
// they represent. Values that are not finite count as 0.

#include "ops/coding/coding_arithmetic.h"

namespace quantring::coding {

inline constexpr int clip_candidates = 24;
inline constexpr int sampled_tokens = 8;
inline constexpr int searched_tokens = sampled_tokens + 2;

struct SearchedTokens {
  std::int64_t index[searched_tokens];
  float weight[searched_tokens];
  int count;
};

// tokens: number in the image; low, high: those with the extremes. The one with the largest |x| is
// first.
QUANTRING_HOST_DEVICE SearchedTokens select_search_tokens(std::int64_t tokens, std::int64_t low,
                                                          std::int64_t high, Extremes found) {
  const bool low_first = magnitude(found.low) > magnitude(found.high);
  SearchedTokens list{};
  list.index[0] = low_first ? low : high;
  list.index[1] = low_first ? high : low;
  list.count = low == high ? 1 : 2;
  for (int i = 0; i < list.count; ++i) list.weight[i] = 1.0F;
  const std::int64_t sampled = tokens < sampled_tokens ? tokens : sampled_tokens;
  const float weight = divide(static_cast<float>(tokens), static_cast<float>(sampled));
  for (std::int64_t i = 0; i < sampled; ++i) {
    const std::int64_t token =
        tokens < sampled_tokens ? i : (2 * i + 1) * tokens / (2 * sampled_tokens);
    if (token == low || token == high) continue;
    list.index[list.count] = token;
    list.weight[list.count++] = weight;
  }
  return list;
}

// Sums over a token: 32 lanes (lane, lane + 32, ...), added pairwise by halves, as a warp does.
inline constexpr int token_lanes = 32;

// x * unit, 0 for what is not finite.
QUANTRING_HOST_DEVICE float searched_value(float x, float unit) {
  return multiply(is_finite(x) ? x : 0.0F, unit);
}

// Factor of a token's (sum |error|^3)^2; squares: the sum of its values' squares. The rms of a
// token is at least 2^-10.
QUANTRING_HOST_DEVICE float token_factor(float weight, float squares, std::int64_t dim) {
  const float count = static_cast<float>(dim);
  const float smallest = multiply(count, 0x1p-20F);
  const float s = squares > smallest ? squares : smallest;
  return divide(multiply(weight, count), multiply(multiply(s, s), s));
}

// 2^(-k / 4)
QUANTRING_HOST_DEVICE float candidate_share(int k) {
  const float quarter = (k & 2) != 0 ? ((k & 1) != 0 ? 0.594603558F : 0.707106781F)
                                     : ((k & 1) != 0 ? 0.840896415F : 1.0F);
  return multiply(quarter, from_bits((127u - static_cast<std::uint32_t>(k) / 4) << 23));
}
QUANTRING_HOST_DEVICE float largest_magnitude(Extremes found) {
  const float low = magnitude(found.low), high = magnitude(found.high);
  return low > high ? low : high;
}

// The grid of one candidate, in units.
struct CandidateGrid {
  float low, step, per_step, top;
  bool possible;  // false where all values have one sign and lie outside the clip
};
// extremes: of the image, times unit.
QUANTRING_HOST_DEVICE CandidateGrid candidate_grid(Extremes extremes, int k, float top) {
  const Extremes kept =
      clamped(extremes, multiply(largest_magnitude(extremes), candidate_share(k)));
  const float range = subtract(kept.high, kept.low);
  return {kept.low, divide(range, top), divide(top, range), top, range > 0.0F};
}

// |error|^3 of a value, in steps of the grid.
QUANTRING_HOST_DEVICE float cubed_error(float x, const CandidateGrid& grid) {
  const float y = multiply(subtract(x, grid.low), grid.per_step);
  float code = y > 0.0F ? y : 0.0F;
  code = code < grid.top ? code : grid.top;
  code = subtract(add(code, round_unsigned), round_unsigned);
  const float e = magnitude(subtract(code, y));
  return multiply(multiply(e, e), e);
}

// Contribution of a token to a candidate's error; cubes: the sum of cubed_error.
QUANTRING_HOST_DEVICE float token_error(float cubes, float factor, const CandidateGrid& grid) {
  const float cubed_step = multiply(multiply(grid.step, grid.step), grid.step);
  const float sum = multiply(cubes, cubed_step);
  return multiply(factor, multiply(sum, sum));
}

// Lower bound of the error from clipping the largest value; grows with k. factor: of its token.
QUANTRING_HOST_DEVICE float min_error(Extremes extremes, int k, float factor) {
  const float largest = largest_magnitude(extremes);
  const float cut = subtract(largest, multiply(largest, candidate_share(k)));
  const float cube = multiply(multiply(cut, cut), cut);
  // A little less, for the rounding of the actual sum.
  return multiply(multiply(factor, multiply(cube, cube)), 0.99F);
}

// The clip of candidate k.
QUANTRING_HOST_DEVICE float searched_clip(Extremes found, int k) {
  return k == 0 ? no_clip : multiply(largest_magnitude(found), candidate_share(k));
}

}  // namespace quantring::coding
