#pragma once
// Loops over the rows of a matrix: layer norm, softmax, sums. Every row is computed
// separately and in a fixed order, so its result does not depend on other rows.

#include "ops/cpu/isa/math.h"

namespace quantring::cpu {
namespace {

// Sum of term(vector) over a row; four partial sums, because additions depend on each other.
// Lanes beyond the end of the row are passed to term as `fill`, for which it must be 0.
template <class Term>
QUANTRING_INLINE float sum_row(const float* x, std::int64_t dim, float fill, const Term& term) {
  Vector sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * lanes <= dim; i += 4 * lanes) {
    for (int part = 0; part < 4; ++part) sums[part] += term(load(x + i + part * lanes));
  }
  for (; i + lanes <= dim; i += lanes) sums[0] += term(load(x + i));
  if (i < dim) sums[0] += term(load_first(x + i, dim - i, fill));
  return sum_of((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

void layer_norm(const float* x, const float* gamma, const float* beta, float eps, std::int64_t rows,
                std::int64_t dim, float* y) {
  const float count = static_cast<float>(dim);
  for (std::int64_t r = 0; r < rows; ++r, x += dim, y += dim) {
    const float mean = sum_row(x, dim, 0, [](Vector v) { return v; }) / count;
    // The mean is subtracted first: E[x^2] - mean^2 loses all digits if the mean is large.
    const float variance =
        sum_row(x, dim, mean, [mean](Vector v) { return (v - mean) * (v - mean); }) / count;
    const float scale = 1.0f / __builtin_sqrtf(variance + eps);
    std::int64_t i = 0;
    for (; i + lanes <= dim; i += lanes) {
      store(y + i, multiply_add((load(x + i) - mean) * scale, load(gamma + i), load(beta + i)));
    }
    if (const std::int64_t rest = dim - i; rest > 0) {
      const Vector v = (load_first(x + i, rest, 0) - mean) * scale;
      store_first(y + i, rest,
                  multiply_add(v, load_first(gamma + i, rest, 0), load_first(beta + i, rest, 0)));
    }
  }
}

void softmax(float* x, std::int64_t stride, float scale, std::int64_t rows, std::int64_t cols) {
  const Vector lowest = broadcast(-__builtin_inff());
  // The last vector of a row may exceed its end: those lanes are minus infinity and become 0.
  const std::int64_t last = (cols - 1) / lanes * lanes;
  for (std::int64_t r = 0; r < rows; ++r, x += stride) {
    store(x + last, keep_first(load(x + last), cols - last, lowest));
    Vector tops[2] = {lowest, load(x + last)};
    std::int64_t i = 0;
    for (; i + lanes < last; i += 2 * lanes) {
      tops[0] = larger(tops[0], load(x + i));
      tops[1] = larger(tops[1], load(x + i + lanes));
    }
    if (i < last) tops[0] = larger(tops[0], load(x + i));
    const float top = largest_of(larger(tops[0], tops[1]));
    Vector sums{};
    for (i = 0; i <= last; i += lanes) {
      const Vector e = exp_of_negative((load(x + i) - top) * scale);
      store(x + i, e);
      sums += e;
    }
    const float weight = 1.0f / sum_of(sums);
    for (i = 0; i <= last; i += lanes) store(x + i, load(x + i) * weight);
  }
}

void add(const float* a, const float* b, std::int64_t count, float* y) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(y + i, load(a + i) + load(b + i));
  for (; i < count; ++i) y[i] = a[i] + b[i];
}

}  // namespace
}  // namespace quantring::cpu
