#include "ops/cpu/coding/error_clip.h"

#include <algorithm>
#include <array>
#include <vector>

#include "ops/coding/coding_error.h"

namespace quantring::cpu {
namespace {

using namespace coding;

// The token of the first value equal to `sought`, which must exist.
std::int64_t token_of(std::span<const float> values, std::size_t dim, float sought) {
  constexpr std::size_t block = 256;
  std::size_t first = 0;
  for (; first + block <= values.size(); first += block) {
    std::uint32_t equal = 0;
    for (std::size_t i = 0; i < block; ++i) equal += values[first + i] == sought;
    if (equal != 0) break;
  }
  const auto rest = values.subspan(first);
  const auto at = std::find(rest.begin(), rest.end(), sought) - rest.begin();
  return static_cast<std::int64_t>((first + static_cast<std::size_t>(at)) / dim);
}

using Lanes = std::array<float, token_lanes>;

// The sum of f(x) over a token, in the order of ops/coding/coding_error.h.
template <typename F>
float token_sum(std::span<const float> token, const F& f) {
  Lanes sums{};
  std::size_t first = 0;
  for (; first + token_lanes <= token.size(); first += token_lanes)
    for (std::size_t lane = 0; lane < token_lanes; ++lane)
      sums[lane] = add(sums[lane], f(token[first + lane]));
  for (std::size_t lane = 0; first + lane < token.size(); ++lane)
    sums[lane] = add(sums[lane], f(token[first + lane]));
  for (std::size_t half = token_lanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) sums[i] = add(sums[i], sums[i + half]);
  return sums[0];
}

}  // namespace

float find_min_error_clip(std::span<const float> values, std::size_t dim, Extremes found,
                          int bits) {
  const float unit = unit_scale(found);
  const Extremes extremes{multiply(found.low, unit), multiply(found.high, unit)};
  const SearchedTokens list = select_search_tokens(static_cast<std::int64_t>(values.size() / dim),
                                                   token_of(values, dim, found.low),
                                                   token_of(values, dim, found.high), found);
  const auto count = static_cast<std::size_t>(list.count);
  // Reused, so that a running stage does not allocate.
  thread_local std::vector<float> tokens;
  tokens.resize(count * dim);
  std::array<float, searched_tokens> factors{};
  for (std::size_t t = 0; t < count; ++t) {
    const auto source = values.subspan(static_cast<std::size_t>(list.index[t]) * dim, dim);
    const std::span token = std::span(tokens).subspan(t * dim, dim);
    for (std::size_t i = 0; i < dim; ++i) token[i] = searched_value(source[i], unit);
    const float squares = token_sum(token, [](float x) { return multiply(x, x); });
    factors[t] = token_factor(list.weight[t], squares, static_cast<std::int64_t>(dim));
  }
  const float top = static_cast<float>((1 << bits) - 1);
  float least = infinity;
  int best = 0;
  for (int k = 0; k < clip_candidates; ++k) {
    // No smaller clip can be better.
    if (min_error(extremes, k, factors[0]) > least) break;
    const CandidateGrid grid = candidate_grid(extremes, k, top);
    if (!grid.possible) continue;
    float error = 0.0F;
    for (std::size_t t = 0; t < count; ++t) {
      const float cubes = token_sum(std::span<const float>(tokens).subspan(t * dim, dim),
                                    [&grid](float x) { return cubed_error(x, grid); });
      error = add(error, token_error(cubes, factors[t], grid));
    }
    if (error < least) {
      least = error;
      best = k;
    }
  }
  return searched_clip(found, best);
}

}  // namespace quantring::cpu
