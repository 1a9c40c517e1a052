#include "engine/codec/klt/integer_matrix.h"

#include <algorithm>
#include <cmath>

#include "ops/coding/integer_rows.h"
#include "ops/cpu/kernels.h"

namespace quantring {
namespace {

// A row's integers are within 2^13, so columns whose magnitudes add up to less than 2^18 keep every
// sum within 31 bits. Two signed bytes hold up to 127 * 256 + 127.
constexpr double max_sum = (1 << 18) - 1, max_integer = 127 * 256 + 127;
constexpr int max_exponent = 60;

// The power of two for a column.
int column_exponent(double largest, double sum, double rounding) {
  int exponent = max_exponent;
  while (exponent > -max_exponent && (std::ldexp(largest, exponent) > max_integer ||
                                      std::ldexp(sum, exponent) + rounding > max_sum))
    --exponent;
  return exponent;
}

// Memory of one thread.
struct Work {
  std::vector<std::int16_t> rows;
  std::vector<float> units;
  std::vector<std::int32_t> sums;
};

Work& work() {
  thread_local Work memory;
  return memory;
}

// As integers, which a compiler can vectorize.
std::uint32_t largest_bits(const float* x, std::size_t count) {
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i)
    largest = std::max(largest, static_cast<std::int32_t>(coding::to_bits(x[i]) & 0x7fffffffU));
  return static_cast<std::uint32_t>(largest);
}

}  // namespace

IntegerMatrix::IntegerMatrix(std::span<const float> m, std::size_t depth, std::size_t cols)
    : depth_(depth), cols_(cols), pairs_((depth + 1) / 2 * cols * 2), units_(cols) {
  std::vector<double> largest(cols), sum(cols), scale(cols);
  for (std::size_t k = 0; k < depth; ++k) {
    for (std::size_t c = 0; c < cols; ++c) {
      const double magnitude = std::fabs(double{m[k * cols + c]});
      largest[c] = std::max(largest[c], magnitude);
      sum[c] += magnitude;
    }
  }
  for (std::size_t c = 0; c < cols; ++c) {
    const int exponent = column_exponent(largest[c], sum[c], static_cast<double>(depth) / 2);
    scale[c] = std::ldexp(1.0, exponent);
    units_[c] = static_cast<float>(std::ldexp(1.0, -exponent));
  }
  for (std::size_t k = 0; k < depth; ++k)
    for (std::size_t c = 0; c < cols; ++c)
      pairs_[2 * (k / 2 * cols + c) + k % 2] =
          static_cast<std::int16_t>(std::lrint(double{m[k * cols + c]} * scale[c]));
}

bool IntegerMatrix::multiply(const float* x, std::size_t rows, std::size_t cols, float* y,
                             std::size_t y_stride) const {
  Work& w = work();
  const std::size_t padded = (depth_ + 1) / 2 * 2;
  w.rows.resize(rows * padded);
  w.units.resize(rows);
  w.sums.resize(rows * cols);
  for (std::size_t r = 0; r < rows; ++r) {
    const float* const row = x + r * depth_;
    std::int16_t* const integers = w.rows.data() + r * padded;
    const std::uint32_t largest = largest_bits(row, depth_);
    if (largest >= coding::to_bits(coding::infinity)) return false;
    const coding::RowScale scale = coding::row_scale(largest);
    for (std::size_t k = 0; k < depth_; ++k)
      integers[k] = static_cast<std::int16_t>(coding::row_integer(row[k], scale.scale));
    if (padded > depth_) integers[depth_] = 0;
    w.units[r] = scale.unit;
  }
  const auto size = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  cpu::kernels().integer_product(w.rows.data(), size(padded), pairs_.data(), size(cols_),
                                 size(rows), size(padded / 2), size(cols), w.sums.data(),
                                 size(cols));
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c)
      y[r * y_stride + c] = coding::row_value(w.sums[r * cols + c], w.units[r], units_[c]);
  return true;
}

}  // namespace quantring
