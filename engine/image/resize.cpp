#include "engine/image/resize.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "ops/base/error.h"

namespace quantring {
namespace {

// The product of a pixel (8 bits) and a weight must fit 32 bits, with two spare bits for the sign
// and for weights above 1.
constexpr int precision = 32 - 8 - 2;

double bilinear(double x) {
  return std::max(0.0, 1.0 - std::abs(x));
}

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// One side of the resize: output position i is the sum of weights[i * taps + t] * input[first[i] +
// t].
struct Weights {
  int taps = 0;            // per output position; those beyond an edge weigh 0
  std::vector<int> first;  // [output]; first + taps stays inside where the input has taps positions
  std::vector<int> count;  // [output], at most taps
  std::vector<std::int32_t> weights;  // [output, taps], fixed point
};

Weights make_weights(int input, int output, Interpolation interpolation) {
  const bool cubic = interpolation == Interpolation::bicubic;
  const double scale = static_cast<double>(input) / output;
  // When reducing, the filter covers all input positions of an output position.
  const double stretch = std::max(scale, 1.0);
  const double support = (cubic ? 2.0 : 1.0) * stretch;
  Weights side;
  side.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  side.first.resize(output);
  side.count.resize(output);
  side.weights.resize(static_cast<std::size_t>(output) * side.taps);
  std::vector<double> exact(side.taps);
  for (int i = 0; i < output; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(std::floor(centre - support + 0.5)));
    const int end = std::min(input, static_cast<int>(std::floor(centre + support + 0.5)));
    double sum = 0;
    for (int t = 0; t < end - first; ++t) {
      const double x = (t + first - centre + 0.5) * (1.0 / stretch);
      exact[t] = cubic ? bicubic(x) : bilinear(x);
      sum += exact[t];
    }
    for (int t = 0; t < end - first; ++t) {
      const double weight = (sum == 0 ? exact[t] : exact[t] / sum) * (1 << precision);
      side.weights[static_cast<std::size_t>(i) * side.taps + t] =
          static_cast<std::int32_t>(weight + (weight < 0 ? -0.5 : 0.5));
    }
    side.first[i] = first;
    side.count[i] = end - first;
  }
  return side;
}

std::uint8_t to_pixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> precision, 0, 255));
}

constexpr std::int32_t half = 1 << (precision - 1);

// Along rows. The channels of a pixel share the weight.
template <int Channels>
void resize_rows(const Image& source, const Weights& side, Image& target) {
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* row =
        source.pixels.data() + static_cast<std::size_t>(y) * source.width * Channels;
    std::uint8_t* out =
        target.pixels.data() + static_cast<std::size_t>(y) * target.width * Channels;
    for (int x = 0; x < target.width; ++x) {
      const std::uint8_t* in = row + static_cast<std::size_t>(side.first[x]) * Channels;
      const std::int32_t* weight = side.weights.data() + static_cast<std::size_t>(x) * side.taps;
      std::int32_t sums[Channels];
      for (auto& sum : sums) sum = half;
      for (int t = 0; t < side.count[x]; ++t)
        for (int c = 0; c < Channels; ++c) sums[c] += in[t * Channels + c] * weight[t];
      for (int c = 0; c < Channels; ++c) out[x * Channels + c] = to_pixel(sums[c]);
    }
  }
}

// Along columns: weighted sums of whole rows, which vectorise.
void resize_columns(const Image& source, const Weights& side, Image& target) {
  const std::size_t row = static_cast<std::size_t>(source.width) * source.channels;
  std::vector<std::int32_t> sums(row);
  for (int y = 0; y < target.height; ++y) {
    std::fill(sums.begin(), sums.end(), half);
    for (int t = 0; t < side.count[y]; ++t) {
      const std::uint8_t* in = source.pixels.data() + (side.first[y] + t) * row;
      const std::int32_t weight = side.weights[static_cast<std::size_t>(y) * side.taps + t];
      for (std::size_t x = 0; x < row; ++x) sums[x] += in[x] * weight;
    }
    std::uint8_t* out = target.pixels.data() + y * row;
    for (std::size_t x = 0; x < row; ++x) out[x] = to_pixel(sums[x]);
  }
}

Image blank(int width, int height, int channels) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(width) * height * channels);
  return image;
}

void check(const Image& source, int width, int height) {
  const auto outside = [](int side) { return side < 1 || side > image_max_side; };
  if (outside(source.width) || outside(source.height) || outside(width) || outside(height) ||
      std::int64_t{width} * source.height > image_max_pixels ||
      std::int64_t{width} * height > image_max_pixels)
    throw Error(
        fmt::format("cannot resize {} x {} to {} x {}: sides are 1 to {}, at most {} pixels",
                    source.width, source.height, width, height, image_max_side, image_max_pixels));
  if ((source.channels != 1 && source.channels != 3) ||
      source.pixels.size() !=
          static_cast<std::size_t>(source.width) * source.height * source.channels)
    throw Error(fmt::format("cannot resize {} bytes as a picture of {} x {} x {} channels",
                            source.pixels.size(), source.width, source.height, source.channels));
}

}  // namespace

Image resize(const Image& source, int width, int height, Interpolation interpolation) {
  check(source, width, height);
  Image narrowed;
  const Image* current = &source;
  if (width != source.width) {
    const Weights side = make_weights(source.width, width, interpolation);
    narrowed = blank(width, source.height, source.channels);
    if (source.channels == 1) {
      resize_rows<1>(source, side, narrowed);
    } else {
      resize_rows<3>(source, side, narrowed);
    }
    current = &narrowed;
  }
  if (height == source.height) return *current;
  const Weights side = make_weights(source.height, height, interpolation);
  Image target = blank(width, height, source.channels);
  resize_columns(*current, side, target);
  return target;
}

}  // namespace quantring
