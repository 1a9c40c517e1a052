#include "engine/codec/klt/klt_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/base/error.h"
#include "ops/cpu/kernels.h"

namespace quantring {
namespace {

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

// y = x m, each sum in the same order on every device.
void multiply(const float* x, const float* m, std::size_t rows, std::size_t depth, std::size_t cols,
              float* y) {
  const auto size = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  cpu::kernels().ordered_product(x, size(depth), m, size(rows), size(depth), size(cols), y,
                                 size(cols));
}

// planes [rows, cols, components] -> the same of frequencies, or back, by way of `work`.
void transform_planes(const KltShape& shape, std::size_t components, const std::vector<float>& rows,
                      const std::vector<float>& cols, std::vector<float>& planes,
                      std::vector<float>& work) {
  const std::size_t row = shape.cols * components;
  work.resize(shape.rows * row);
  multiply(rows.data(), planes.data(), shape.rows, shape.rows, row, work.data());
  for (std::size_t r = 0; r < shape.rows; ++r)
    multiply(cols.data(), work.data() + r * row, shape.cols, shape.cols, components,
             planes.data() + r * row);
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
  for (KltRate& rate : rates) prepare_rate(rate, shape);
}

void KltTables::analyse(const float* values, std::size_t components, std::vector<float>& prefix,
                        std::vector<float>& patches, std::vector<float>& work) const {
  const std::size_t first = shape.prefix * shape.dim;
  std::vector<float>& centred = work;
  centred.resize(mean.size());
  for (std::size_t i = 0; i < mean.size(); ++i) centred[i] = values[i] - mean[i];
  prefix.resize(first);
  multiply(centred.data(), analysis.data(), shape.prefix, shape.dim, shape.dim, prefix.data());
  // The first columns of the basis, dense.
  thread_local std::vector<float> basis;
  basis.resize(shape.dim * components);
  for (std::size_t r = 0; r < shape.dim; ++r)
    std::copy_n(analysis.data() + r * shape.dim, components, basis.data() + r * components);
  patches.resize(shape.patches() * components);
  multiply(centred.data() + first, basis.data(), shape.patches(), shape.dim, components,
           patches.data());
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
  multiply(prefix.data(), synthesis.data(), shape.prefix, shape.dim, shape.dim, values);
  for (std::size_t i = 0; i < prefix.size(); ++i) values[i] += mean[i];
}

void KltTables::planes_of(const KltRate& rate, std::vector<float>& patches,
                          std::vector<float>& work) const {
  transform_planes(shape, rate.components, inverse_rows_, inverse_cols_, patches, work);
}

void KltTables::synthesise_patches(const KltRate& rate, const float* components,
                                   float* values) const {
  const std::size_t first = shape.prefix * shape.dim;
  multiply(components, rate.synthesis.data(), shape.patches(), rate.components, shape.dim,
           values + first);
  for (std::size_t i = first; i < mean.size(); ++i) values[i] += mean[i];
}

}  // namespace quantring
