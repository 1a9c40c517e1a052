#include "engine/calibration/klt_basis.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "engine/calibration/symmetric_eigen.h"
#include "engine/codec/codec_file.h"

namespace quantring {
namespace {

// Directions that the answer hardly depends on still count this much: the gradients are of the
// undisturbed stream and of few pictures.
constexpr double fisher_floor = 0.01;
// Of the Fisher matrix. The root would weight errors as the answer's divergence does if they were
// small; on six stages of DeiT-Tiny 0.3 to 0.4 keeps more answers at every rate from 2 bits down
// (docs/ACCURACY.md).
constexpr double fisher_exponent = 0.35;

// Share of the frequencies, lowest first, up to the end of each band: of 14 x 14, 1, 3, 8, 21 ...
constexpr std::array<double, klt_bands> band_ends = {0.005, 0.0155, 0.041, 0.107,
                                                     0.255, 0.46,   0.715, 1};

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b,
                            std::size_t n) {
  std::vector<double> result(n * n);
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t c = 0; c < n; ++c) result[r * n + c] += a[r * n + k] * b[k * n + c];
  return result;
}

// Orthonormal DCT-II: row i is frequency i.
std::vector<float> cosines(std::size_t n) {
  std::vector<float> matrix(n * n);
  const auto count = static_cast<double>(n);
  for (std::size_t f = 0; f < n; ++f) {
    const double scale = std::sqrt((f == 0 ? 1 : 2) / count);
    for (std::size_t i = 0; i < n; ++i)
      matrix[f * n + i] =
          static_cast<float>(scale * std::cos(std::numbers::pi * (static_cast<double>(i) + 0.5) *
                                              static_cast<double>(f) / count));
  }
  return matrix;
}

// Frequencies by their distance from 0, in units of each side.
std::vector<std::uint8_t> frequency_bands(const KltShape& shape) {
  const auto radius = [&](std::size_t index) {
    const double r = static_cast<double>(index / shape.cols) / static_cast<double>(shape.rows);
    const double c = static_cast<double>(index % shape.cols) / static_cast<double>(shape.cols);
    return r * r + c * c;
  };
  std::vector<std::size_t> order(shape.patches());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return radius(a) < radius(b); });
  std::vector<std::uint8_t> bands(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(order.size());
    const auto band = std::find_if(band_ends.begin(), band_ends.end() - 1,
                                   [&](double end) { return share < end; });
    bands[order[i]] = static_cast<std::uint8_t>(band - band_ends.begin());
  }
  return bands;
}

}  // namespace

KltShape klt_shape(const Architecture& a) {
  const auto size = [](int n) { return static_cast<std::size_t>(n); };
  return {size(a.prefix_tokens()), size(a.image_height / a.patch_height),
          size(a.image_width / a.patch_width), size(a.dim)};
}

KltTables klt_basis(const KltShape& shape, const CutStatistics& statistics) {
  const std::size_t n = shape.dim;
  // Of mean 1, so that steps have the size of the values.
  std::vector<double> fisher = statistics.fisher;
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i) trace += fisher[i * n + i];
  for (double& value : fisher) value *= trace > 0 ? static_cast<double>(n) / trace : 0;
  const SymmetricPower weight = symmetric_power(fisher, n, fisher_exponent, fisher_floor);
  const SymmetricEigen eigen =
      symmetric_eigen(product(product(weight.power, statistics.covariance, n), weight.power, n), n);
  const std::vector<double> analysis = product(eigen.vectors, weight.power, n);  // rows: components
  const std::vector<double> synthesis = product(eigen.vectors, weight.inverse, n);

  KltTables tables;
  tables.shape = shape;
  tables.mean = statistics.mean;
  tables.analysis.resize(n * n);
  tables.synthesis.assign(synthesis.begin(), synthesis.end());
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t d = 0; d < n; ++d)
      tables.analysis[d * n + k] = static_cast<float>(analysis[k * n + d]);
  tables.dct_rows = cosines(shape.rows);
  tables.dct_cols = cosines(shape.cols);
  tables.bands = frequency_bands(shape);
  round_to_stored(tables);
  return tables;
}

}  // namespace quantring
