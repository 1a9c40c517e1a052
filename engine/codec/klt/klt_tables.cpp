#include "engine/codec/klt/klt_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/base/error.h"
#include "ops/cpu/kernels.h"

namespace quantring {
namespace {

constexpr std::size_t max_elements = std::size_t{1} << 30;  // of an image

void require(bool sound, const char* what) {
  if (!sound) throw Error(fmt::format("its {} are not valid", what));
}

bool finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

bool classes_valid(std::span<const std::uint8_t> classes) {
  return std::all_of(classes.begin(), classes.end(),
                     [](std::uint8_t c) { return c < klt_classes || c == klt_never_coded; });
}

std::vector<float> transposed(const std::vector<float>& matrix, std::size_t n) {
  std::vector<float> result(matrix.size());
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < n; ++c) result[c * n + r] = matrix[r * n + c];
  return result;
}

// Rows begin a stride apart.
struct Matrix {
  const float* data;
  std::size_t rows, cols, stride;
};

// y = x m, each sum in the same order on every device.
void multiply(Matrix x, Matrix m, float* y, std::size_t y_stride) {
  const auto size = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  cpu::kernels().ordered_product(x.data, size(x.stride), m.data, size(m.stride), size(x.rows),
                                 size(m.rows), size(m.cols), y, size(y_stride));
}

// planes [rows, cols, components] -> the same of frequencies, or back, by way of `work`.
void transform_planes(const KltShape& shape, std::size_t components, const std::vector<float>& rows,
                      const std::vector<float>& cols, std::vector<float>& planes,
                      std::vector<float>& work) {
  const std::size_t row = shape.cols * components;
  work.resize(shape.rows * row);
  multiply({rows.data(), shape.rows, shape.rows, shape.rows}, {planes.data(), shape.rows, row, row},
           work.data(), row);
  for (std::size_t r = 0; r < shape.rows; ++r)
    multiply({cols.data(), shape.cols, shape.cols, shape.cols},
             {work.data() + r * row, shape.cols, components, components}, planes.data() + r * row,
             components);
}

void prepare_rate(KltRate& rate, const KltShape& shape) {
  require(klt_has_width(rate.width), "rates");
  require(rate.lanes >= 1 && rate.lanes <= max_rans_lanes, "lanes");
  require(rate.components <= shape.dim, "components");
  require(std::isfinite(rate.step) && rate.step > 0 && std::isfinite(rate.prefix_step) &&
              rate.prefix_step > 0,
          "steps");
  require(finite(rate.points), "reconstruction points");
  require(rate.classes.size() == klt_bands * rate.components &&
              rate.prefix_classes.size() == shape.prefix * shape.dim &&
              classes_valid(rate.classes) && classes_valid(rate.prefix_classes),
          "classes");
  require(rate.thresholds.size() == klt_classes * (klt_escape - 1) && finite(rate.thresholds),
          "thresholds");
  require(rate.synthesis.size() == rate.components * shape.dim && finite(rate.synthesis),
          "decoder's matrices");
  require(rate.frequencies.size() == klt_classes * klt_symbols, "tables");
  rate.begins.resize(rate.frequencies.size());
  for (std::size_t c = 0; c < klt_classes; ++c) {
    std::uint32_t begin = 0;
    for (std::size_t s = c * klt_symbols; s < (c + 1) * klt_symbols; ++s) {
      rate.begins[s] = static_cast<std::uint16_t>(begin);
      require(rate.frequencies[s] > 0, "tables");
      begin += rate.frequencies[s];
    }
    require(begin == rans_total, "tables");
  }
}

}  // namespace

bool klt_has_width(int width) {
  return std::find(klt_widths.begin(), klt_widths.end(), width) != klt_widths.end();
}

const KltRate* KltTables::rate(int width) const {
  const auto found = std::find_if(rates.begin(), rates.end(),
                                  [width](const KltRate& rate) { return rate.width == width; });
  return found == rates.end() ? nullptr : &*found;
}

void KltTables::prepare() {
  const std::size_t square = shape.dim * shape.dim;
  // Lengths of coded images have 31 bits (engine/codec/klt/klt.h).
  require(shape.patches() > 0 && shape.dim > 0 && shape.tokens() * shape.dim <= max_elements,
          "sizes");
  require(mean.size() == shape.tokens() * shape.dim && finite(mean), "means");
  require(analysis.size() == square && synthesis.size() == square && finite(analysis) &&
              finite(synthesis),
          "bases");
  require(dct_rows.size() == shape.rows * shape.rows &&
              dct_cols.size() == shape.cols * shape.cols && finite(dct_rows) && finite(dct_cols),
          "cosines");
  require(bands.size() == shape.patches() &&
              std::all_of(bands.begin(), bands.end(), [](auto band) { return band < klt_bands; }),
          "bands");
  inverse_rows_ = transposed(dct_rows, shape.rows);
  inverse_cols_ = transposed(dct_cols, shape.cols);
  for (KltRate& rate : rates) {
    prepare_rate(rate, shape);
    require(this->rate(rate.width) == &rate, "rates");  // no width twice
  }
}

void KltTables::analyse(const float* values, std::size_t components, std::vector<float>& prefix,
                        std::vector<float>& patches, std::vector<float>& work) const {
  const std::size_t first = shape.prefix * shape.dim;
  std::vector<float>& centred = work;
  centred.resize(mean.size());
  for (std::size_t i = 0; i < mean.size(); ++i) centred[i] = values[i] - mean[i];
  prefix.resize(first);
  multiply({centred.data(), shape.prefix, shape.dim, shape.dim},
           {analysis.data(), shape.dim, shape.dim, shape.dim}, prefix.data(), shape.dim);
  patches.resize(shape.patches() * components);
  multiply({centred.data() + first, shape.patches(), shape.dim, shape.dim},
           {analysis.data(), shape.dim, components, shape.dim}, patches.data(), components);
  transform_planes(shape, components, dct_rows, dct_cols, patches, work);
}

void KltTables::synthesise(const KltRate& rate, const std::vector<float>& prefix,
                           std::vector<float>& patches, std::vector<float>& work,
                           float* values) const {
  synthesise_prefix(prefix, values);
  planes_of(rate, patches, work);
  synthesise_patches(rate, patches.data(), values);
}

void KltTables::synthesise_prefix(const std::vector<float>& prefix, float* values) const {
  multiply({prefix.data(), shape.prefix, shape.dim, shape.dim},
           {synthesis.data(), shape.dim, shape.dim, shape.dim}, values, shape.dim);
  for (std::size_t i = 0; i < prefix.size(); ++i) values[i] += mean[i];
}

void KltTables::planes_of(const KltRate& rate, std::vector<float>& patches,
                          std::vector<float>& work) const {
  transform_planes(shape, rate.components, inverse_rows_, inverse_cols_, patches, work);
}

void KltTables::synthesise_patches(const KltRate& rate, const float* components,
                                   float* values) const {
  const std::size_t first = shape.prefix * shape.dim;
  multiply({components, shape.patches(), rate.components, rate.components},
           {rate.synthesis.data(), rate.components, shape.dim, shape.dim}, values + first,
           shape.dim);
  for (std::size_t i = first; i < mean.size(); ++i) values[i] += mean[i];
}

}  // namespace quantring
