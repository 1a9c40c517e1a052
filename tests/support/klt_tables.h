#pragma once
// Tables of codec klt made up for tests: a random orthogonal basis, cosines, and statistics like
// those of a residual stream (a few strong components, mostly low frequencies).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/codec/klt/klt_tables.h"

namespace quantring::test {

inline CodecSpec klt(int width) {
  return {CodecId::klt, static_cast<std::uint8_t>(width)};
}

inline TensorShape tensor_of(const KltShape& shape, std::size_t images) {
  return {static_cast<std::uint32_t>(images), static_cast<std::uint32_t>(shape.tokens()),
          static_cast<std::uint32_t>(shape.dim)};
}

// [n, n], orthogonal; row i is frequency i.
inline std::vector<float> cosines(std::size_t n) {
  std::vector<float> matrix(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    const double scale = std::sqrt((i == 0 ? 1.0 : 2.0) / static_cast<double>(n));
    for (std::size_t j = 0; j < n; ++j)
      matrix[i * n + j] =
          static_cast<float>(scale * std::cos(std::numbers::pi * (static_cast<double>(j) + 0.5) *
                                              static_cast<double>(i) / static_cast<double>(n)));
  }
  return matrix;
}

// [n, n]: the product of a few reflections.
inline std::vector<double> orthogonal(std::size_t n, std::mt19937& random) {
  std::normal_distribution<double> normal;
  std::vector<double> q(n * n, 0), v(n);
  for (std::size_t i = 0; i < n; ++i) q[i * n + i] = 1;
  for (int reflection = 0; reflection < 8; ++reflection) {
    double square = 0;
    for (double& x : v) {
      x = normal(random);
      square += x * x;
    }
    for (std::size_t r = 0; r < n; ++r) {
      double dot = 0;
      for (std::size_t c = 0; c < n; ++c) dot += q[r * n + c] * v[c];
      for (std::size_t c = 0; c < n; ++c) q[r * n + c] -= 2 * dot / square * v[c];
    }
  }
  return q;
}

// The mean magnitude, in steps, of coefficients in a class.
inline double class_magnitude(std::size_t c) {
  return 0.02 * std::pow(1.17, static_cast<double>(c));
}

inline std::uint8_t class_of_magnitude(double steps) {
  if (steps < class_magnitude(0)) return klt_never_coded;
  const double c = std::round(std::log(steps / class_magnitude(0)) / std::log(1.17));
  return static_cast<std::uint8_t>(std::min(c, static_cast<double>(klt_classes - 1)));
}

// Of the coefficients of a component in a band.
inline double klt_deviation(const KltShape& shape, std::size_t component, std::size_t band) {
  return 18 * std::exp(-4.0 * static_cast<double>(component) / static_cast<double>(shape.dim)) /
         static_cast<double>(1 + band);
}

inline void fill_rate(KltRate& rate, const KltShape& shape, int width) {
  rate.width = width;
  rate.lanes = shape.tokens() * shape.dim < 1000 ? 4 : width == 12 ? 64 : width == 8 ? 32 : 4;
  rate.step = 8.0F / static_cast<float>(width);
  rate.prefix_step = rate.step / 4;
  rate.points = {1.05F, 2.02F, 0.01F};
  for (std::size_t i = 0; i < shape.dim; ++i)
    if (klt_deviation(shape, i, 0) / rate.step >= class_magnitude(0)) rate.components = i + 1;
  for (std::size_t band = 0; band < klt_bands; ++band)
    for (std::size_t i = 0; i < rate.components; ++i)
      rate.classes.push_back(class_of_magnitude(klt_deviation(shape, i, band) / rate.step));
  for (std::size_t p = 0; p < shape.prefix; ++p)
    for (std::size_t i = 0; i < shape.dim; ++i)
      rate.prefix_classes.push_back(
          class_of_magnitude(klt_deviation(shape, i, 0) / rate.prefix_step));
  for (std::size_t c = 0; c < klt_classes; ++c) {
    const double ratio = class_magnitude(c) / (1 + class_magnitude(c));
    std::vector<std::uint16_t> counts;
    unsigned sum = 0;
    for (std::size_t s = 0; s < klt_symbols; ++s) {
      const auto magnitude = static_cast<double>((s + 1) / 2);
      double share = (1 - ratio) * std::pow(ratio, magnitude) / (s == 0 ? 1 : 2);
      if (s + 1 == klt_symbols) share = std::pow(ratio, klt_escape);
      counts.push_back(static_cast<std::uint16_t>(1 + share * (rans_total - klt_symbols)));
      sum += counts.back();
    }
    auto& most = *std::max_element(counts.begin(), counts.end());
    most = static_cast<std::uint16_t>(most + rans_total - sum);
    rate.frequencies.insert(rate.frequencies.end(), counts.begin(), counts.end());
    for (int m = 0; m + 1 < klt_escape; ++m)
      rate.thresholds.push_back(static_cast<float>(m) + (m == 0 ? 0.62F : 0.55F));
  }
}

// Prepared, all widths.
inline KltTables klt_tables(const KltShape& shape, unsigned seed = 1) {
  KltTables tables;
  tables.shape = shape;
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  tables.mean.resize(shape.tokens() * shape.dim);
  for (float& value : tables.mean) value = normal(random);
  const std::vector<double> q = orthogonal(shape.dim, random);
  tables.analysis.assign(q.begin(), q.end());
  tables.synthesis.resize(q.size());
  for (std::size_t r = 0; r < shape.dim; ++r)
    for (std::size_t c = 0; c < shape.dim; ++c)
      tables.synthesis[c * shape.dim + r] = tables.analysis[r * shape.dim + c];
  tables.dct_rows = cosines(shape.rows);
  tables.dct_cols = cosines(shape.cols);
  for (std::size_t u = 0; u < shape.rows; ++u) {
    for (std::size_t v = 0; v < shape.cols; ++v) {
      const double distance = std::hypot(static_cast<double>(u) / static_cast<double>(shape.rows),
                                         static_cast<double>(v) / static_cast<double>(shape.cols)) /
                              std::numbers::sqrt2;
      tables.bands.push_back(static_cast<std::uint8_t>(distance * klt_bands));
    }
  }
  for (auto width = klt_widths.rbegin(); width != klt_widths.rend(); ++width) {
    KltRate& rate = tables.rates.emplace_back();
    fill_rate(rate, shape, *width);
    // A decoder of this rate's own: the basis, a little smaller.
    for (std::size_t i = 0; i < rate.components * shape.dim; ++i)
      rate.synthesis.push_back(0.98F * tables.synthesis[i]);
  }
  tables.prepare();
  return tables;
}

// [images, tokens, dim] with the statistics of the tables.
inline std::vector<float> klt_values(const KltTables& tables, std::size_t images,
                                     unsigned seed = 1) {
  const KltShape& shape = tables.shape;
  KltRate whole;
  whole.components = shape.dim;
  whole.synthesis = tables.synthesis;
  whole.prepare_synthesis(shape.dim);
  std::mt19937 random(seed);
  std::exponential_distribution<float> exponential;
  const auto draw = [&](std::size_t component, std::size_t band) {
    const float sign = random() % 2 == 0 ? 1.0F : -1.0F;
    return sign * exponential(random) * static_cast<float>(klt_deviation(shape, component, band));
  };
  const std::size_t each = shape.tokens() * shape.dim;
  std::vector<float> values(images * each), prefix(shape.prefix * shape.dim), work,
      patches(shape.patches() * shape.dim);
  for (std::size_t image = 0; image < images; ++image) {
    for (std::size_t i = 0; i < prefix.size(); ++i) prefix[i] = draw(i % shape.dim, 0);
    for (std::size_t i = 0; i < patches.size(); ++i)
      patches[i] = draw(i % shape.dim, tables.bands[i / shape.dim]);
    tables.synthesise(whole, prefix, patches, work, values.data() + image * each);
  }
  return values;
}

}  // namespace quantring::test
