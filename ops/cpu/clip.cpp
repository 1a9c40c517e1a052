#include "ops/cpu/clip.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace quantring::cpu {
namespace {

using namespace coding;

// Values are looked at in blocks: the arithmetic of one is done in vector registers before its bins
// are counted.
constexpr std::size_t block = 1024;

Moments find_moments(std::span<const float> values, float unit, int fraction) {
  const float one = static_cast<float>(1 << fraction);
  Moments all;
  for (std::size_t first = 0; first < values.size(); first += block) {
    const std::size_t count = std::min(block, values.size() - first);
    std::array<std::int32_t, block> fixed;
    std::uint32_t finite = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float x = values[first + i];
      const bool counts = is_finite(x);
      finite += counts;
      fixed[i] = rounded_signed(multiply(multiply(counts ? x : 0.0F, unit), one));
    }
    all.count += finite;
    for (std::size_t i = 0; i < count; ++i) {
      all.sum += fixed[i];
      all.squares += static_cast<std::uint64_t>(std::int64_t{fixed[i]} * fixed[i]);
    }
  }
  return all;
}

// Not-finite values are counted in one more bin.
constexpr std::size_t all_bins = histogram_bins + 1;

struct Histogram {
  std::array<std::uint64_t, all_bins> count{};
  std::uint64_t finite = 0;
  std::uint64_t magnitudes = 0;
};

Histogram find_histogram(std::span<const float> values, const Binning& binning) {
  // Neighbours often share a bin; counted in turns, they do not wait for each other.
  constexpr std::size_t turns = 4;
  std::array<std::array<std::uint64_t, all_bins>, turns> counts{};
  Histogram all;
  for (std::size_t first = 0; first < values.size(); first += block) {
    const std::size_t count = std::min(block, values.size() - first);
    std::array<std::int32_t, block> bins;
    std::array<std::uint32_t, block> magnitudes;
    for (std::size_t i = 0; i < count; ++i) {
      const float x = values[first + i];
      const bool counts_in = is_finite(x);
      const float u = multiply(x, binning.unit);
      const float y = multiply(subtract(u, binning.low), binning.per_unit);
      const auto bin = static_cast<std::int32_t>(counts_in ? y : 0.0F);
      bins[i] = counts_in ? std::min(bin, histogram_bins - 1) : histogram_bins;
      magnitudes[i] = rounded_unsigned(counts_in ? multiply(magnitude(u), magnitude_one) : 0.0F);
    }
    for (std::size_t i = 0; i < count; ++i) {
      ++counts[i % turns][static_cast<std::size_t>(bins[i])];
      all.magnitudes += magnitudes[i];
    }
  }
  for (std::size_t bin = 0; bin < all_bins; ++bin)
    for (const auto& turn : counts) all.count[bin] += turn[bin];
  all.finite = values.size() - all.count[histogram_bins];
  return all;
}

// One number a bin, as the lanes hold them.
using Lanes = std::array<float, search_lanes>;
using Points = std::array<Lanes, search_rows>;

float lane_sum(Lanes lanes) {
  for (std::size_t half = search_lanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lanes[i] = add(lanes[i], lanes[i + half]);
  return lanes[0];
}

// heights: e^(-distance / b); returns their sum.
float laplace(const Points& distance, float b, Points& heights) {
  const float inverse = divide(1.0F, b);
  Lanes sums{};
  for (std::size_t row = 0; row < search_rows; ++row) {
    for (std::size_t lane = 0; lane < search_lanes; ++lane) {
      heights[row][lane] = exp_of_negative(multiply(distance[row][lane], inverse));
      sums[lane] = add(sums[lane], heights[row][lane]);
    }
  }
  return lane_sum(sums);
}

// The sum of squares that the search makes small.
float fit_error(const Points& shares, const Points& heights, float sum) {
  const float inverse = divide(1.0F, sum);
  Lanes sums{};
  for (std::size_t row = 0; row < search_rows; ++row) {
    for (std::size_t lane = 0; lane < search_lanes; ++lane) {
      const float off = subtract(shares[row][lane], multiply(heights[row][lane], inverse));
      sums[lane] = add(sums[lane], multiply(off, off));
    }
  }
  return lane_sum(sums);
}

float find_laplace(const Histogram& histogram, const Binning& binning, Extremes found) {
  const float b0 = mean_magnitude(histogram.magnitudes, histogram.finite);
  if (!(b0 > 0.0F)) return no_clip;
  const float spacing = point_step(binning.low, multiply(found.high, binning.unit));
  const float all = static_cast<float>(histogram.finite);
  Points shares{}, distance, heights;
  float tallest = 0.0F, nearest = infinity;
  for (int i = 0; i < search_lanes * search_rows; ++i) {
    const auto row = static_cast<std::size_t>(i / search_lanes);
    const auto lane = static_cast<std::size_t>(i % search_lanes);
    distance[row][lane] = point_distance(i, binning.low, spacing);
    nearest = std::min(nearest, distance[row][lane]);
    if (i >= histogram_bins) continue;
    const auto count = histogram.count[static_cast<std::size_t>(i)];
    shares[row][lane] = divide(static_cast<float>(count), all);
    tallest = std::max(tallest, shares[row][lane]);
  }
  // What is normalised does not change when all heights are multiplied: the tallest becomes 1, so
  // that they are never all 0.
  for (Lanes& row : distance)
    for (float& value : row) value = subtract(value, nearest);
  const float step = search_step(b0, laplace(distance, b0, heights), tallest);
  std::uint64_t best = ~std::uint64_t{0};
  for (int i = 0; i <= search_steps; ++i) {
    const float sum = laplace(distance, candidate(b0, step, i), heights);
    best = std::min(best, search_key(fit_error(shares, heights, sum), i));
  }
  return candidate(b0, step, static_cast<int>(best & 0xffffffffu));
}

}  // namespace

float find_clip(std::span<const float> values, Extremes found, Clip clip, int bits) {
  if (clip == Clip::none || !(found.low < found.high)) return no_clip;
  const float factor = clip_factor(bits);
  if (clip == Clip::aciq) {
    const float unit = unit_scale(found);
    const int fraction = moment_bits(values.size());
    return moment_clip(find_moments(values, unit, fraction), fraction, unit, factor);
  }
  const Binning bins = binning(found);
  const float b = find_laplace(find_histogram(values, bins), bins, found);
  return divide(multiply(factor, b), bins.unit);
}

}  // namespace quantring::cpu
