#include "engine/calibration/backward_rows.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace quantring {
namespace {

// Sum of term(i) for i < count, in partial sums, so that additions do not wait for each other.
template <class Term>
float sum_of(std::int64_t count, const Term& term) {
  constexpr std::int64_t lanes = 16;
  std::array<float, lanes> sums{};
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      sums[static_cast<std::size_t>(lane)] += term(i + lane);
    }
  }
  float sum = 0;
  for (; i < count; ++i) sum += term(i);
  for (const float part : sums) sum += part;
  return sum;
}

// With z = (x - mean) * scale: scale * (gamma dy - mean(gamma dy) - z mean(gamma dy z))
void norm_row_backward(const NormBackward& norm, std::int64_t row) {
  const float* const x = norm.x + row * norm.stride;
  const float* const dy = norm.output_gradient + row * norm.stride;
  const float* const gamma = norm.gamma;
  float* const dx = norm.input_gradient + row * norm.stride;
  const std::int64_t dim = norm.dim;
  const float count = static_cast<float>(dim);

  const float mean = sum_of(dim, [&](std::int64_t i) { return x[i]; }) / count;
  const auto square = [&](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); };
  const float scale = 1.0f / std::sqrt(sum_of(dim, square) / count + norm.eps);
  const float middle = sum_of(dim, [&](std::int64_t i) { return gamma[i] * dy[i]; }) / count;
  const auto product = [&](std::int64_t i) { return gamma[i] * dy[i] * (x[i] - mean); };
  const float along = sum_of(dim, product) / count * scale * scale;
  for (std::int64_t i = 0; i < dim; ++i) {
    const float value = scale * (gamma[i] * dy[i] - middle - (x[i] - mean) * along);
    dx[i] = norm.add ? dx[i] + value : value;
  }
}

// Phi(x) + x phi(x); Phi after Abramowitz & Stegun 7.1.26, whose error of 1.5e-7 is that of f32.
float gelu_erf_slope(float x) {
  constexpr float root_half = 0.70710678f, density = 0.39894228f;
  const float z = std::abs(x) * root_half;
  const float bell = std::exp(-z * z);
  const float t = 1.0f / (1.0f + 0.3275911f * z);
  const float series =
      ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t +
       0.254829592f) *
      t;
  const float tail = 0.5f * series * bell;  // Phi(-|x|)
  return (x < 0 ? tail : 1.0f - tail) + x * density * bell;
}

float gelu_tanh_slope(float x) {
  constexpr float factor = 0.79788456f, cubic = 0.044715f;
  const float t = std::tanh(factor * (x + cubic * x * x * x));
  return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * factor * (1.0f + 3.0f * cubic * x * x);
}

float gelu_quick_slope(float x) {
  const float s = 1.0f / (1.0f + std::exp(-1.702f * x));
  return s + 1.702f * x * s * (1.0f - s);
}

template <class Slope>
void multiply_by_slope(ThreadPool& pool, const float* input, std::int64_t count, float* gradient,
                       const Slope& slope) {
  constexpr std::int64_t block_values = 8192;
  pool.parallel_for((count + block_values - 1) / block_values, [&](std::int64_t block, int) {
    const std::int64_t end = std::min(count, (block + 1) * block_values);
    for (std::int64_t i = block * block_values; i < end; ++i) gradient[i] *= slope(input[i]);
  });
}

}  // namespace

void layer_norm_backward(ThreadPool& pool, const NormBackward& norm) {
  constexpr std::int64_t block_rows = 32;
  pool.parallel_for((norm.rows + block_rows - 1) / block_rows, [&](std::int64_t block, int) {
    const std::int64_t end = std::min(norm.rows, (block + 1) * block_rows);
    for (std::int64_t row = block * block_rows; row < end; ++row) norm_row_backward(norm, row);
  });
}

void activation_backward(ThreadPool& pool, Activation activation, const float* input,
                         std::int64_t count, float* gradient) {
  switch (activation) {
    case Activation::none:
      return;
    case Activation::gelu_erf:
      return multiply_by_slope(pool, input, count, gradient, gelu_erf_slope);
    case Activation::gelu_tanh:
      return multiply_by_slope(pool, input, count, gradient, gelu_tanh_slope);
    case Activation::gelu_quick:
      return multiply_by_slope(pool, input, count, gradient, gelu_quick_slope);
  }
}

}  // namespace quantring
