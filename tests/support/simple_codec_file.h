#pragma once
// Tables of codec klt that were not learned: valid for any shape, close enough to the values of a
// small model that coding them keeps most of an answer.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "engine/codec/codec_file.h"
#include "engine/model/model_file.h"

namespace quantring::test {

// Orthonormal DCT-II; row i is frequency i.
inline std::vector<float> dct_matrix(std::size_t n) {
  std::vector<float> matrix;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double angle = std::numbers::pi * static_cast<double>(i) *
                           (static_cast<double>(j) + 0.5) / static_cast<double>(n);
      const double scale = std::sqrt((i == 0 ? 1.0 : 2.0) / static_cast<double>(n));
      matrix.push_back(static_cast<float>(scale * std::cos(angle)));
    }
  }
  return matrix;
}

// The more bits, the finer the step and the more components. Magnitude m is half as likely as
// m - 1.
inline KltRate simple_klt_rate(const KltShape& shape, int width) {
  KltRate rate;
  rate.width = width;
  rate.lanes = 4;
  rate.components = std::max<std::size_t>(1, shape.dim * static_cast<std::size_t>(width) / 12);
  rate.step = 1.2F / static_cast<float>(width);
  rate.prefix_step = rate.step / 2;
  rate.classes.assign(klt_bands * rate.components, 1);
  rate.prefix_classes.assign(shape.prefix * shape.dim, 2);
  for (std::size_t c = 0; c < klt_classes; ++c) {
    std::uint32_t rest = rans_total;
    for (std::size_t s = 1; s < klt_symbols; ++s) {
      const std::size_t magnitude = (s + 1) / 2;
      const std::uint32_t share = std::max(rans_total >> (magnitude + 2), 1U);
      rate.frequencies.push_back(static_cast<std::uint16_t>(share));
      rest -= share;
    }
    rate.frequencies.insert(rate.frequencies.end() - (klt_symbols - 1),
                            static_cast<std::uint16_t>(rest));
    for (int k = 0; k < klt_escape - 1; ++k)
      rate.thresholds.push_back(static_cast<float>(k) + 0.5F);
  }
  rate.synthesis.assign(rate.components * shape.dim, 0);
  for (std::size_t i = 0; i < rate.components; ++i) rate.synthesis[i * shape.dim + i] = 1;
  return rate;
}

// The basis is the channels themselves, the mean is 0.
inline KltTables simple_klt_tables(const KltShape& shape) {
  KltTables tables;
  tables.shape = shape;
  tables.mean.assign(shape.tokens() * shape.dim, 0);
  tables.analysis.assign(shape.dim * shape.dim, 0);
  for (std::size_t i = 0; i < shape.dim; ++i) tables.analysis[i * shape.dim + i] = 1;
  tables.synthesis = tables.analysis;
  tables.dct_rows = dct_matrix(shape.rows);
  tables.dct_cols = dct_matrix(shape.cols);
  for (std::size_t r = 0; r < shape.rows; ++r) {
    for (std::size_t c = 0; c < shape.cols; ++c)
      tables.bands.push_back(static_cast<std::uint8_t>(std::min(r + c, klt_bands - 1)));
  }
  for (auto width = klt_widths.rbegin(); width != klt_widths.rend(); ++width)
    tables.rates.push_back(simple_klt_rate(shape, *width));
  round_to_stored(tables);
  tables.prepare();
  return tables;
}

inline KltShape klt_shape(const Architecture& a) {
  const auto size = [](int n) { return static_cast<std::size_t>(n); };
  return {size(a.prefix_tokens()), size(a.image_height / a.patch_height),
          size(a.image_width / a.patch_width), size(a.dim)};
}

// Beside the model, where programs look for it. cuts: half-blocks. The two steps of a cut's tables
// differ from those of another, so that tables of the wrong cut show.
inline void write_simple_codec_file(const std::filesystem::path& model,
                                    const std::vector<int>& cuts, const std::string& ladder) {
  const ModelFile file(model);
  CodecFileContent content{file.hash(), ladder, 8, {}};
  for (const int cut : cuts) {
    KltTables tables = simple_klt_tables(klt_shape(file.architecture()));
    for (KltRate& rate : tables.rates) {
      rate.step *= 1 + 0.02F * static_cast<float>(cut);
      rate.prefix_step *= 1 + 0.02F * static_cast<float>(cut);
    }
    content.cuts.emplace(cut, std::move(tables));
  }
  write_codec_file(codec_file_path(model), content);
}

}  // namespace quantring::test
