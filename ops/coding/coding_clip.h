#pragma once
// The clips of aciq and ds-aciq, step by step, as in ops/coding/coding_arithmetic.h.

#include "ops/coding/coding_arithmetic.h"

namespace quantring::coding {

// W0(x), the w > 0 for which w e^w = x; x > 3.
inline double lambert_w0(double x) {
  double w = std::log(x) - std::log(std::log(x));
  for (int i = 0; i < 8; ++i) {
    const double e = std::exp(w);
    w -= (w * e - x) / (e * (w + 1));
  }
  return w;
}

// a / b that minimizes the error of a Laplace distribution on 2^bits values (ACIQ, Banner et al.
// 2019).
inline float clip_factor(int bits) {
  return static_cast<float>(lambert_w0(3 * std::exp2(2.0 * bits)));
}

// ---- aciq: from all values, in fixed point with moment_bits(n) fractional bits, so that n squares
// fit in 64 bits

QUANTRING_HOST_DEVICE int moment_bits(std::uint64_t values) {
  int log2 = 0;
  while (log2 < 63 && (std::uint64_t{1} << log2) < values) ++log2;
  return (63 - log2) / 2 < 22 ? (63 - log2) / 2 : 22;
}

struct Moments {
  std::uint64_t count = 0;    // of finite values
  std::int64_t sum = 0;       // of v = rounded_signed(x * unit * 2^fraction)
  std::uint64_t squares = 0;  // of v * v
};

// factor * sqrt(variance / 2)
QUANTRING_HOST_DEVICE float moment_clip(Moments of, int fraction, float unit, float factor) {
  const double count = static_cast<double>(of.count);
  const double mean = divide(static_cast<double>(of.sum), count);
  const double variance =
      subtract(divide(static_cast<double>(of.squares), count), multiply(mean, mean));
  if (!(variance > 0.0)) return no_clip;
  const double one = static_cast<double>(std::uint64_t{1} << fraction);
  const float b = static_cast<float>(divide(square_root(multiply(variance, 0.5)), one));
  return divide(multiply(factor, b), unit);
}

// ---- ds-aciq: of the candidates b0 + [0, 100] * step, from mean |x| to where the Laplace density
// is as high as the histogram's highest bin, the b whose density at 200 points is nearest to the
// bins.
//
// Mean and histogram are of a sample; the bins span all values. Images of up to sample_values are
// used whole; of larger ones 1024 runs of 8 neighbours, the j-th at the fractional part of j *
// golden ratio: such positions are evenly distributed even where an image is periodic, as channels
// are. On DeiT-Tiny's residual stream b is within 2 % (one standard deviation) of the b of all
// values.

inline constexpr int run_values = 8;
inline constexpr int sample_runs = 1024;
inline constexpr int sample_values = run_values * sample_runs;

// Index of the j-th sampled run of `runs`; only the first 2^32 are sampled.
QUANTRING_HOST_DEVICE std::uint64_t sampled_run(int j, std::uint64_t runs) {
  const std::uint64_t fraction = static_cast<std::uint32_t>(j) * 2654435769u;  // modulo 2^32
  return fraction * (runs < 0xffffffffu ? runs : 0xffffffffu) >> 32;
}

inline constexpr int histogram_bins = 200;
inline constexpr int search_steps = 100;

struct Binning {
  float unit, low, high;  // the smallest and the largest value, times unit
  float per_unit;         // bin of x: (x * unit - low) * per_unit, truncated, below 200
};

QUANTRING_HOST_DEVICE Binning binning(Extremes found) {
  const float unit = unit_scale(found);
  const float low = multiply(found.low, unit), high = multiply(found.high, unit);
  return {unit, low, high, divide(static_cast<float>(histogram_bins), subtract(high, low))};
}

// |x * unit| in fixed point
inline constexpr float magnitude_one = 4194304.0F;

QUANTRING_HOST_DEVICE float mean_magnitude(std::uint64_t sum, std::uint64_t count) {
  return static_cast<float>(
      divide(static_cast<double>(sum), multiply(static_cast<double>(count), 4194304.0)));
}

// e^-t for t >= 0, within 3e-7; 0 below 2^-127. Not the library's, since those differ in the last
// bit.
QUANTRING_HOST_DEVICE float exp_of_negative(float t) {
  float y = multiply(t, 1.44269504F);
  y = y < 127.0F ? y : 127.0F;
  const float shifted = add(y, round_unsigned);
  const float r = subtract(subtract(shifted, round_unsigned), y);  // 2^-y = 2^r / 2^rounded
  float p = 0.00133813021F;
  p = add(multiply(p, r), 0.00966636837F);
  p = add(multiply(p, r), 0.0555038117F);
  p = add(multiply(p, r), 0.240223497F);
  p = add(multiply(p, r), 0.693147182F);
  p = add(multiply(p, r), 1.0F);
  return multiply(p, from_bits((127u - (to_bits(shifted) & 0xffu)) << 23));
}

// The 200 equidistant points from low to high at which a Laplace density is compared with the bins.
// Its heights on either side of the point nearest to 0 are geometric sequences. The height there is
// set to 1: heights are normalized afterwards.
struct LaplacePoints {
  int nearest;        // the point nearest to 0
  float spacing;      // from point to point
  float left, right;  // how much further from 0 than it its neighbours are
};

QUANTRING_HOST_DEVICE LaplacePoints laplace_points(const Binning& bins) {
  LaplacePoints points{};
  points.spacing = divide(subtract(bins.high, bins.low), static_cast<float>(histogram_bins - 1));
  const float zero = divide(subtract(0.0F, bins.low), points.spacing);
  const int last = histogram_bins - 1;
  points.nearest = !(zero > 0.0F)                    ? 0
                   : zero < static_cast<float>(last) ? static_cast<int>(rounded_unsigned(zero))
                                                     : last;
  const float at = add(bins.low, multiply(static_cast<float>(points.nearest), points.spacing));
  const float across = subtract(points.spacing, multiply(2.0F, magnitude(at)));
  points.left = at > 0.0F ? across : points.spacing;
  points.right = at < 0.0F ? across : points.spacing;
  points.left = points.left > 0.0F ? points.left : 0.0F;
  points.right = points.right > 0.0F ? points.right : 0.0F;
  return points;
}

// Lower bound of heights, so that none is subnormal.
inline constexpr float min_height = 0x1p-50F;

QUANTRING_HOST_DEVICE float at_least(float height) {
  return height > min_height ? height : min_height;
}
QUANTRING_HOST_DEVICE float next_height(float height, float ratio) {
  return at_least(multiply(height, ratio));
}

// The points of either side are dealt to 8 lanes in turn; the lanes' sums are added pairwise by
// halves.
inline constexpr int fit_lanes = 8;

// One lane's part of a Laplace density.
struct Laplace {
  float left, right;  // heights of the lane's points that are nearest to 0
  float ratio;        // from one point of the lane to the next one outwards
};

// From point to point outwards.
QUANTRING_HOST_DEVICE float point_ratio(const LaplacePoints& points, float b) {
  return exp_of_negative(multiply(points.spacing, divide(1.0F, b)));
}
// From one point of a lane to the next one outwards; ratio: from point to point.
QUANTRING_HOST_DEVICE float lane_ratio(float ratio) {
  const float two = multiply(ratio, ratio), four = multiply(two, two);
  return multiply(four, four);
}

QUANTRING_HOST_DEVICE Laplace laplace(const LaplacePoints& points, float b, int lane) {
  const float inverse = divide(1.0F, b);
  const float ratio = point_ratio(points, b);
  Laplace part{at_least(exp_of_negative(multiply(points.left, inverse))),
               at_least(exp_of_negative(multiply(points.right, inverse))), 0};
  for (int i = 0; i < lane; ++i) {
    part.left = next_height(part.left, ratio);
    part.right = next_height(part.right, ratio);
  }
  part.ratio = lane_ratio(ratio);
  return part;
}

// Calls f(i, height) for the points of a lane, outwards; first to the right.
template <typename F>
QUANTRING_HOST_DEVICE void each_point(const LaplacePoints& points, const Laplace& part, int lane,
                                      F&& f) {
  float height = part.right;
  for (int i = points.nearest + 1 + lane; i < histogram_bins; i += fit_lanes) {
    f(i, height);
    height = next_height(height, part.ratio);
  }
  height = part.left;
  for (int i = points.nearest - 1 - lane; i >= 0; i -= fit_lanes) {
    f(i, height);
    height = next_height(height, part.ratio);
  }
}

QUANTRING_HOST_DEVICE float lane_heights(const LaplacePoints& points, const Laplace& part,
                                         int lane) {
  float sum = 0.0F;
  each_point(points, part, lane, [&sum](int, float height) { sum = add(sum, height); });
  return sum;
}

// The sum over all points; lanes: the lanes' sums, added up.
QUANTRING_HOST_DEVICE float sum_of_heights(float lanes) {
  return add(lanes, 1.0F);
}

// (share of a bin - height / sum)^2
QUANTRING_HOST_DEVICE float misfit(float share, float height, float per_sum) {
  const float off = subtract(share, multiply(height, per_sum));
  return multiply(off, off);
}

// b of step 1 - b0; sum: of b0's heights, tallest: of the bins, as shares.
QUANTRING_HOST_DEVICE float search_step(float b0, float sum, float tallest) {
  const float ratio = divide(divide(1.0F, sum), tallest);
  return divide(multiply(b0, subtract(ratio, 1.0F)), static_cast<float>(search_steps));
}
QUANTRING_HOST_DEVICE float candidate(float b0, float step, int i) {
  return add(b0, multiply(static_cast<float>(i), step));
}

// Ordered as (error, i): the smallest key is the best candidate, the first of equals. error >= 0.
QUANTRING_HOST_DEVICE std::uint64_t search_key(float error, int i) {
  return std::uint64_t{to_bits(error)} << 32 | static_cast<std::uint32_t>(i);
}
QUANTRING_HOST_DEVICE int candidate_of(std::uint64_t key) {
  return static_cast<int>(key & 0xffffffffu);
}

}  // namespace quantring::coding
