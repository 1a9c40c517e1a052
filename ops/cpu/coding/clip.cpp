#include "ops/cpu/coding/clip.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "ops/coding/coding_clip.h"
#include "ops/cpu/coding/error_clip.h"

namespace quantring::cpu {
namespace {

using namespace coding;

// Values are processed in blocks: vectorized arithmetic first, then counting.
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

// Values that are not finite have a bin of their own.
constexpr std::size_t all_bins = histogram_bins + 1;

struct Histogram {
  std::array<std::uint32_t, all_bins> count{};
  std::uint64_t finite = 0;
  std::uint64_t magnitudes = 0;
};

// Several counters per bin: neighbours often share a bin, and their increments must not wait for
// each other.
constexpr std::size_t counters = 4;
using Counts = std::array<std::array<std::uint32_t, all_bins>, counters>;

// Of up to `block` values; recounters the sum of their magnitudes.
std::uint64_t count_block(const float* values, std::size_t count, const Binning& binning,
                          Counts& counts) {
  std::array<std::int32_t, block> bins;
  std::array<std::uint32_t, block> magnitudes;
  for (std::size_t i = 0; i < count; ++i) {
    const float x = values[i];
    const bool counts_in = is_finite(x);
    const float u = multiply(x, binning.unit);
    const float y = multiply(subtract(u, binning.low), binning.per_unit);
    const auto bin = static_cast<std::int32_t>(counts_in ? y : 0.0F);
    bins[i] = counts_in ? std::min(bin, histogram_bins - 1) : histogram_bins;
    magnitudes[i] = rounded_unsigned(counts_in ? multiply(magnitude(u), magnitude_one) : 0.0F);
  }
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    ++counts[i % counters][static_cast<std::size_t>(bins[i])];
    sum += magnitudes[i];
  }
  return sum;
}

Histogram find_histogram(std::span<const float> values, const Binning& binning) {
  Counts counts{};
  Histogram all;
  if (values.size() <= sample_values) {
    for (std::size_t first = 0; first < values.size(); first += block)
      all.magnitudes += count_block(values.data() + first, std::min(block, values.size() - first),
                                    binning, counts);
  } else {
    std::array<float, block> sample;
    constexpr std::size_t runs = block / run_values;
    for (std::size_t first = 0; first < sample_runs; first += runs) {
      for (std::size_t j = 0; j < runs; ++j) {
        const auto run = static_cast<std::size_t>(
            sampled_run(static_cast<int>(first + j), values.size() / run_values));
        std::copy_n(values.data() + run * run_values, run_values, sample.data() + j * run_values);
      }
      all.magnitudes += count_block(sample.data(), block, binning, counts);
    }
  }
  for (std::size_t bin = 0; bin < all_bins; ++bin)
    for (const auto& counter : counts) all.count[bin] += counter[bin];
  for (std::size_t bin = 0; bin < histogram_bins; ++bin) all.finite += all.count[bin];
  return all;
}

using Shares = std::array<float, histogram_bins>;

float add_lanes(std::array<float, fit_lanes> sums) {
  for (std::size_t half = fit_lanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) sums[i] = add(sums[i], sums[i + half]);
  return sums[0];
}

float heights_of(const LaplacePoints& points, float b) {
  std::array<float, fit_lanes> sums;
  for (int lane = 0; lane < fit_lanes; ++lane)
    sums[static_cast<std::size_t>(lane)] = lane_heights(points, laplace(points, b, lane), lane);
  return sum_of_heights(add_lanes(sums));
}

// Half of the candidates at once, lane by lane: each_point, vectorized over candidates.
constexpr std::size_t vector_candidates = search_steps / 2 + 2;
using PerCandidate = std::array<float, vector_candidates>;
using Parts = std::array<PerCandidate, fit_lanes>;

struct Laplaces {
  Parts left, right;
  PerCandidate ratio;
};

// The lanes' sums of one candidate, added up.
float add_lanes(const Parts& sums, std::size_t c) {
  std::array<float, fit_lanes> lanes;
  for (std::size_t lane = 0; lane < fit_lanes; ++lane) lanes[lane] = sums[lane][c];
  return add_lanes(lanes);
}

// Calls f(lane, i, heights).
template <typename F>
void each_point(const LaplacePoints& points, const Laplaces& of, const F& f) {
  const auto walk = [&](int begin, int end, int step, const Parts& first) {
    for (int lane = 0; lane < fit_lanes; ++lane) {
      const auto at = static_cast<std::size_t>(lane);
      PerCandidate height = first[at];
      for (int i = begin + lane * step; step > 0 ? i < end : i > end; i += fit_lanes * step) {
        f(at, static_cast<std::size_t>(i), height);
        for (std::size_t c = 0; c < vector_candidates; ++c)
          height[c] = next_height(height[c], of.ratio[c]);
      }
    }
  };
  walk(points.nearest + 1, histogram_bins, 1, of.right);
  walk(points.nearest - 1, -1, -1, of.left);
}

// Distance from the histogram of each candidate from `first` on.
PerCandidate misfits(const LaplacePoints& points, const Shares& shares, float b0, float step,
                     int first) {
  Laplaces of;
  PerCandidate ratio;
  for (std::size_t c = 0; c < vector_candidates; ++c) {
    const float b = candidate(b0, step, first + static_cast<int>(c));
    const Laplace part = laplace(points, b, 0);
    of.left[0][c] = part.left;
    of.right[0][c] = part.right;
    of.ratio[c] = part.ratio;
    ratio[c] = point_ratio(points, b);
  }
  for (std::size_t lane = 1; lane < fit_lanes; ++lane) {
    for (std::size_t c = 0; c < vector_candidates; ++c) {
      of.left[lane][c] = next_height(of.left[lane - 1][c], ratio[c]);
      of.right[lane][c] = next_height(of.right[lane - 1][c], ratio[c]);
    }
  }
  Parts sums{}, errors{};
  each_point(points, of, [&sums](std::size_t lane, std::size_t, const PerCandidate& height) {
    for (std::size_t c = 0; c < vector_candidates; ++c)
      sums[lane][c] = add(sums[lane][c], height[c]);
  });
  PerCandidate per_sum, all;
  for (std::size_t c = 0; c < vector_candidates; ++c)
    per_sum[c] = divide(1.0F, sum_of_heights(add_lanes(sums, c)));
  each_point(points, of, [&](std::size_t lane, std::size_t i, const PerCandidate& height) {
    for (std::size_t c = 0; c < vector_candidates; ++c)
      errors[lane][c] = add(errors[lane][c], misfit(shares[i], height[c], per_sum[c]));
  });
  const float tallest = shares[static_cast<std::size_t>(points.nearest)];
  for (std::size_t c = 0; c < vector_candidates; ++c)
    all[c] = add(add_lanes(errors, c), misfit(tallest, 1.0F, per_sum[c]));
  return all;
}

float find_laplace(const Histogram& histogram, const Binning& binning) {
  const float b0 = mean_magnitude(histogram.magnitudes, histogram.finite);
  if (!(b0 > 0.0F)) return no_clip;
  const LaplacePoints points = laplace_points(binning);
  const float all = static_cast<float>(histogram.finite);
  Shares shares;
  float tallest = 0.0F;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    shares[i] = divide(static_cast<float>(histogram.count[i]), all);
    tallest = std::max(tallest, shares[i]);
  }
  const float step = search_step(b0, heights_of(points, b0), tallest);
  std::uint64_t best = ~std::uint64_t{0};
  for (int first = 0; first <= search_steps; first += static_cast<int>(vector_candidates)) {
    const PerCandidate errors = misfits(points, shares, b0, step, first);
    for (int i = first;
         i <= std::min(search_steps, first + static_cast<int>(vector_candidates) - 1); ++i)
      best = std::min(best, search_key(errors[static_cast<std::size_t>(i - first)], i));
  }
  return candidate(b0, step, candidate_of(best));
}

}  // namespace

float find_clip(std::span<const float> values, std::size_t dim, Extremes found, Clip clip,
                int bits) {
  if (clip == Clip::none || !(found.low < found.high)) return no_clip;
  if (clip == Clip::ds_aciq_plus) return find_min_error_clip(values, dim, found, bits);
  const float factor = clip_factor(bits);
  if (clip == Clip::aciq) {
    const float unit = unit_scale(found);
    const int fraction = moment_bits(values.size());
    return moment_clip(find_moments(values, unit, fraction), fraction, unit, factor);
  }
  const Binning bins = binning(found);
  return divide(multiply(factor, find_laplace(find_histogram(values, bins), bins)), bins.unit);
}

}  // namespace quantring::cpu
