#include "weights_tools/recipe/position.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>

namespace quantring::weights {
namespace {

// Keys' cubic convolution kernel.
double cubic(double x, double a) {
  x = std::fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// The inputs of one output position: weights of inputs first, first + 1, ...
struct Window {
  int first;
  std::vector<double> weights;
};

// As torch's upsample_bicubic2d_aa: when the grid shrinks, the kernel widens with it.
std::vector<Window> antialiased_windows(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double stretch = std::max(scale, 1.0);
  const double support = 2 * stretch;
  std::vector<Window> out;
  for (int i = 0; i < to; ++i) {
    const double center = scale * (i + 0.5);
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int end = std::min(static_cast<int>(center + support + 0.5), from);
    Window window{first, {}};
    double sum = 0;
    for (int k = first; k < end; ++k) {
      window.weights.push_back(cubic((k - center + 0.5) / stretch, -0.5));
      sum += window.weights.back();
    }
    for (double& weight : window.weights) weight /= sum;
    out.push_back(std::move(window));
  }
  return out;
}

// As torch's upsample_bicubic2d: always four inputs, clamped to the edge. scale: inputs per output.
std::vector<Window> plain_windows(int from, int to, double scale) {
  std::vector<Window> out;
  for (int i = 0; i < to; ++i) {
    const double center = scale * (i + 0.5) - 0.5;
    const int before = static_cast<int>(std::floor(center));
    const int first = std::clamp(before - 1, 0, from - 1);
    const int last = std::clamp(before + 2, 0, from - 1);
    Window window{first, std::vector<double>(static_cast<std::size_t>(last - first) + 1)};
    for (int k = before - 1; k <= before + 2; ++k) {
      window.weights[std::clamp(k, 0, from - 1) - first] += cubic(k - center, -0.75);
    }
    out.push_back(std::move(window));
  }
  return out;
}

// [outer, from, inner] -> [outer, to, inner]
std::vector<double> along(const std::vector<double>& in, std::size_t outer, int from, int to,
                          std::size_t inner, Resampling how) {
  const double scale =
      how == Resampling::dinov2 ? from / (to + 0.1) : static_cast<double>(from) / to;
  const std::vector<Window> all = how == Resampling::antialiased ? antialiased_windows(from, to)
                                                                 : plain_windows(from, to, scale);
  std::vector<double> out(outer * to * inner, 0.0);
  for (std::size_t o = 0; o < outer; ++o) {
    for (int i = 0; i < to; ++i) {
      double* const target = out.data() + (o * to + i) * inner;
      for (std::size_t k = 0; k < all[i].weights.size(); ++k) {
        const double weight = all[i].weights[k];
        const double* const source = in.data() + (o * from + all[i].first + k) * inner;
        for (std::size_t d = 0; d < inner; ++d) target[d] += weight * source[d];
      }
    }
  }
  return out;
}

}  // namespace

std::vector<float> resample_position(const std::vector<float>& values, const GridResize& resize,
                                     int dim) {
  const auto& [from, to, how] = resize;
  const bool positive = from.height > 0 && from.width > 0 && to.height > 0 && to.width > 0;
  if (!positive || dim <= 0 ||
      values.size() != static_cast<std::size_t>(from.height) * from.width * dim)
    throw std::logic_error("position embeddings do not fit their grid");
  if (from == to) return values;
  const std::vector<double> in(values.begin(), values.end());
  const std::vector<double> wide = along(in, from.height, from.width, to.width, dim, how);
  const std::vector<double> all =
      along(wide, 1, from.height, to.height, static_cast<std::size_t>(to.width) * dim, how);
  std::vector<float> out(all.size());
  std::transform(all.begin(), all.end(), out.begin(),
                 [](double value) { return static_cast<float>(value); });
  return out;
}

}  // namespace quantring::weights
