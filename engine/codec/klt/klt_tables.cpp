#include "engine/codec/klt/klt_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "ops/base/error.h"
#include "ops/cpu/kernels.h"

namespace quantring {
namespace {

constexpr std::size_t max_side = 4096;
constexpr std::size_t max_elements = std::size_t{1} << 30;  // of an image

void require(bool sound, const char* what) {
  if (!sound) throw Error(fmt::format("its {} are not valid", what));
}

bool within(std::span<const float> values, float bound) {
  return std::all_of(values.begin(), values.end(),
                     [bound](float v) { return std::fabs(v) <= bound; });
}

bool finite(std::span<const float> values) {
  return within(values, std::numeric_limits<float>::max());
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
void ordered_multiply(Matrix x, Matrix m, float* y, std::size_t y_stride) {
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
  ordered_multiply({rows.data(), shape.rows, shape.rows, shape.rows},
                   {planes.data(), shape.rows, row, row}, work.data(), row);
  for (std::size_t r = 0; r < shape.rows; ++r)
    ordered_multiply({cols.data(), shape.cols, shape.cols, shape.cols},
                     {work.data() + r * row, shape.cols, components, components},
                     planes.data() + r * row, components);
}

// The largest that decoding may meet stays finite: a coefficient is below 2^24 (its magnitude)
// times step and points, and a plane of the inverse DCT below that times max_side^2 max_cosine^2.
constexpr float max_step = 0x1p40F, max_point = 0x1p20F, max_cosine = 16;

void check_rate(const KltRate& rate, const KltShape& shape) {
  require(klt_has_width(rate.width), "rates");
  require(rate.lanes >= 1 && rate.lanes <= max_klt_streams * max_rans_lanes &&
              (rate.lanes <= max_rans_lanes || rate.lanes % max_rans_lanes == 0),
          "lanes");
  require(rate.components <= shape.dim, "components");
  require(rate.step > 0 && rate.step <= max_step && rate.prefix_step > 0 &&
              rate.prefix_step <= max_step,
          "steps");
  require(within(rate.points, max_point), "reconstruction points");
  require(rate.classes.size() == klt_bands * rate.components &&
              rate.prefix_classes.size() == shape.prefix * shape.dim &&
              classes_valid(rate.classes) && classes_valid(rate.prefix_classes),
          "classes");
  require(rate.thresholds.size() == klt_classes * (klt_escape - 1) && finite(rate.thresholds),
          "thresholds");
  require(rate.synthesis.size() == rate.components * shape.dim && finite(rate.synthesis),
          "decoder's matrices");
  require(rate.frequencies.size() == klt_classes * klt_symbols, "tables");
}

void prepare_symbols(KltRate& rate) {
  rate.ranges.resize(rate.frequencies.size());
  rate.first_symbols.resize(klt_classes * klt_slots);
  for (std::size_t c = 0; c < klt_classes; ++c) {
    std::uint32_t begin = 0;
    for (std::size_t s = 0; s < klt_symbols; ++s) {
      const std::uint32_t size = rate.frequencies[c * klt_symbols + s];
      require(size > 0 && begin + size <= rans_total, "tables");
      rate.ranges[c * klt_symbols + s] = {begin, size};
      for (std::uint32_t part = (begin + (1U << klt_slot_shift) - 1) >> klt_slot_shift;
           part << klt_slot_shift < begin + size; ++part)
        rate.first_symbols[c * klt_slots + part] = static_cast<std::uint8_t>(s);
      begin += size;
    }
    require(begin == rans_total, "tables");
  }
}

void prepare_order(KltRate& rate, std::span<const std::uint8_t> bands) {
  rate.coded.clear();
  rate.coded_classes.clear();
  std::uint32_t place = 0;
  const auto add = [&](const std::uint8_t* classes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i, ++place) {
      if (classes[i] == klt_never_coded) continue;
      rate.coded.push_back(place);
      rate.coded_classes.push_back(classes[i]);
    }
  };
  add(rate.prefix_classes.data(), rate.prefix_classes.size());
  rate.coded_prefix = rate.coded.size();
  for (const std::uint8_t band : bands)
    add(rate.classes.data() + band * rate.components, rate.components);
}

}  // namespace

bool klt_has_width(int width) {
  const auto among = [](const auto& widths, int w) {
    return std::find(widths.begin(), widths.end(), w) != widths.end();
  };
  return among(klt_widths, width) || among(klt_chained_widths, width - klt_chained);
}

void KltRate::prepare_synthesis(std::size_t dim) {
  integer_synthesis = IntegerMatrix(synthesis, components, dim);
}

const KltRate* KltTables::rate(int width) const {
  const auto found = std::find_if(rates.begin(), rates.end(),
                                  [width](const KltRate& rate) { return rate.width == width; });
  if (found != rates.end()) return &*found;
  return width > klt_chained ? rate(width - klt_chained) : nullptr;
}

void KltTables::prepare() {
  const std::size_t square = shape.dim * shape.dim;
  // Lengths of coded images have 31 bits (engine/codec/klt/klt.h).
  require(shape.rows > 0 && shape.rows <= max_side && shape.cols > 0 && shape.cols <= max_side &&
              shape.dim > 0 && shape.tokens() * shape.dim <= max_elements,
          "sizes");
  require(mean.size() == shape.tokens() * shape.dim && finite(mean), "means");
  require(analysis.size() == square && synthesis.size() == square && finite(analysis) &&
              finite(synthesis),
          "bases");
  require(dct_rows.size() == shape.rows * shape.rows &&
              dct_cols.size() == shape.cols * shape.cols && within(dct_rows, max_cosine) &&
              within(dct_cols, max_cosine),
          "cosines");
  require(bands.size() == shape.patches() &&
              std::all_of(bands.begin(), bands.end(), [](auto band) { return band < klt_bands; }),
          "bands");
  inverse_rows_ = transposed(dct_rows, shape.rows);
  inverse_cols_ = transposed(dct_cols, shape.cols);
  integer_analysis_ = IntegerMatrix(analysis, shape.dim, shape.dim);
  integer_synthesis_ = IntegerMatrix(synthesis, shape.dim, shape.dim);
  for (KltRate& rate : rates) {
    check_rate(rate, shape);
    prepare_symbols(rate);
    prepare_order(rate, bands);
    rate.prepare_synthesis(shape.dim);
    require(this->rate(rate.width) == &rate, "rates");  // no width twice
  }
}

bool KltTables::analyse(const float* values, std::size_t components, std::vector<float>& prefix,
                        std::vector<float>& patches, std::vector<float>& work) const {
  const std::size_t first = shape.prefix * shape.dim;
  std::vector<float>& centred = work;
  centred.resize(mean.size());
  for (std::size_t i = 0; i < mean.size(); ++i) centred[i] = values[i] - mean[i];
  prefix.resize(first);
  patches.resize(shape.patches() * components);
  if (!integer_analysis_.multiply(centred.data(), shape.prefix, shape.dim, prefix.data(),
                                  shape.dim) ||
      !integer_analysis_.multiply(centred.data() + first, shape.patches(), components,
                                  patches.data(), components))
    return false;
  transform_planes(shape, components, dct_rows, dct_cols, patches, work);
  return true;
}

void KltTables::synthesise(const KltRate& rate, const std::vector<float>& prefix,
                           std::vector<float>& patches, std::vector<float>& work,
                           float* values) const {
  synthesise_prefix(prefix, values);
  planes_of(rate, patches, work);
  synthesise_patches(rate, patches.data(), values);
}

void KltTables::synthesise_prefix(const std::vector<float>& prefix, float* values) const {
  integer_synthesis_.multiply(prefix.data(), shape.prefix, shape.dim, values, shape.dim);
  for (std::size_t i = 0; i < prefix.size(); ++i) values[i] += mean[i];
}

void KltTables::planes_of(const KltRate& rate, std::vector<float>& patches,
                          std::vector<float>& work) const {
  transform_planes(shape, rate.components, inverse_rows_, inverse_cols_, patches, work);
}

void KltTables::synthesise_patches(const KltRate& rate, const float* components,
                                   float* values) const {
  const std::size_t first = shape.prefix * shape.dim;
  if (rate.integer_synthesis.depth() != rate.components)
    throw std::logic_error("synthesise_patches: the rate is not prepared");
  rate.integer_synthesis.multiply(components, shape.patches(), shape.dim, values + first,
                                  shape.dim);
  for (std::size_t i = first; i < mean.size(); ++i) values[i] += mean[i];
}

}  // namespace quantring
