#pragma once
// How ds-aciq+ finds what an image is clipped to: a search over the error that quantizing really
// makes. The arithmetic, one step at a time, as in ops/coding/coding_arithmetic.h.
//
// Candidates: a = largest |x| * 2^(-k / 4), k = 0..23; k = 0 clips nothing. The best one makes
//
//   sum over tokens t of weight_t * (mean over the token of |error / rms_t|^3)^2
//
// smallest, rms_t the root of the token's mean square. Why not the mean squared error: blocks begin
// with a layer norm, so that a token's error counts relative to the token; and a few values far
// larger than all others (massive activations, Sun et al. 2024; one value of the class token in
// DeiT) carry what the whole image depends on, while to a mean over all values they are nothing.
// The cube lets few large errors in a token count more than many small ones, the square few tokens
// that suffer more than many that do not: that is the guard. Exponents were chosen by what they
// leave of DeiT-Tiny's answers; the mean squared error keeps fewer of them at every width below 8
// bits.
//
// Tokens: the (up to two) that hold the image's largest and smallest value, the first ones of
// several, with weight 1; and 8 others from equally long parts of the image, from the middle of
// each, with the weight of the tokens they stand for. Values that are not finite count as 0.

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

// tokens: of the image; low, high: those that hold the extremes. The one with the largest |x| is
// the first.
QUANTRING_BOTH SearchedTokens searched_of(std::int64_t tokens, std::int64_t low, std::int64_t high,
                                          Extremes found) {
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

// Sums over a token are made by 32 lanes (lane, lane + 32, ...), then by halves: what a warp does.
inline constexpr int token_lanes = 32;

// x * unit, 0 for what is not finite.
QUANTRING_BOTH float searched_value(float x, float unit) {
  return multiply(is_finite(x) ? x : 0.0F, unit);
}

// By what a token's (sum |error|^3)^2 counts; squares: the sum of its values' squares. A token of
// hardly any size counts as one whose rms is 2^-10.
QUANTRING_BOTH float token_factor(float weight, float squares, std::int64_t dim) {
  const float count = static_cast<float>(dim);
  const float smallest = multiply(count, 0x1p-20F);
  const float s = squares > smallest ? squares : smallest;
  return divide(multiply(weight, count), multiply(multiply(s, s), s));
}

// 2^(-k / 4)
QUANTRING_BOTH float candidate_share(int k) {
  const float quarter = (k & 2) != 0 ? ((k & 1) != 0 ? 0.594603558F : 0.707106781F)
                                     : ((k & 1) != 0 ? 0.840896415F : 1.0F);
  return multiply(quarter, from_bits((127u - static_cast<std::uint32_t>(k) / 4) << 23));
}
QUANTRING_BOTH float largest_magnitude(Extremes found) {
  const float low = magnitude(found.low), high = magnitude(found.high);
  return low > high ? low : high;
}

// The grid of one candidate, in units.
struct CandidateGrid {
  float low, step, per_step, top;
  bool possible;  // not where all values have one sign and the clip leaves nothing
};
// extremes: of the image, times unit.
QUANTRING_BOTH CandidateGrid candidate_grid(Extremes extremes, int k, float top) {
  const Extremes kept =
      clamped(extremes, multiply(largest_magnitude(extremes), candidate_share(k)));
  const float range = subtract(kept.high, kept.low);
  return {kept.low, divide(range, top), divide(top, range), top, range > 0.0F};
}

// |error|^3 of a value, in steps of the grid.
QUANTRING_BOTH float cubed_error(float x, const CandidateGrid& grid) {
  const float y = multiply(subtract(x, grid.low), grid.per_step);
  float code = y > 0.0F ? y : 0.0F;
  code = code < grid.top ? code : grid.top;
  code = subtract(add(code, round_unsigned), round_unsigned);
  const float e = magnitude(subtract(code, y));
  return multiply(multiply(e, e), e);
}

// What a token adds to a candidate's error; cubes: the sum of cubed_error.
QUANTRING_BOTH float token_error(float cubes, float factor, const CandidateGrid& grid) {
  const float cubed_step = multiply(multiply(grid.step, grid.step), grid.step);
  const float sum = multiply(cubes, cubed_step);
  return multiply(factor, multiply(sum, sum));
}

// What the largest value's own clipping adds at least; grows with k. factor: of its token.
QUANTRING_BOTH float least_error(Extremes extremes, int k, float factor) {
  const float largest = largest_magnitude(extremes);
  const float cut = subtract(largest, multiply(largest, candidate_share(k)));
  const float cube = multiply(multiply(cut, cut), cut);
  // A little less, for what the real sum is rounded by.
  return multiply(multiply(factor, multiply(cube, cube)), 0.99F);
}

// The clip of candidate k.
QUANTRING_BOTH float searched_clip(Extremes found, int k) {
  return k == 0 ? no_clip : multiply(largest_magnitude(found), candidate_share(k));
}

}  // namespace quantring::coding
