#pragma once
// A matrix product in GPU memory and its expected result, summed in double precision.

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>

#include "ops/cuda/device/error.h"
#include "ops/cuda/matmul/matmul.h"
#include "ops/cuda/matmul/pack.h"
#include "tests/ops/cuda/gpu.h"

namespace quantring::test {

using cuda::DeviceLinear;
using cuda::DeviceMemory;
using cuda::MatmulCall;

inline constexpr float norm_eps = 1e-6f;

inline std::vector<std::byte> bytes_of(const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * dtype_bytes(dtype));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t narrow =
        dtype == DType::f16 ? float_to_half(values[i]) : float_to_bfloat16(values[i]);
    if (dtype == DType::f32) {
      std::memcpy(bytes.data() + 4 * i, &values[i], 4);
    } else {
      std::memcpy(bytes.data() + 2 * i, &narrow, 2);
    }
  }
  return bytes;
}

inline DeviceMemory<> on_gpu(const std::vector<float>& values, DType dtype) {
  const std::vector<std::byte> bytes = bytes_of(values, dtype);
  DeviceMemory<> memory(bytes.size());
  cuda::check(cudaMemcpy(memory.get(), bytes.data(), bytes.size(), cudaMemcpyHostToDevice), "copy");
  return memory;
}

inline double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu_erf:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::gelu_quick:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::none:
      break;
  }
  return x;
}

struct Form {
  Activation activation = Activation::none;
  bool accumulate = false, norm = false, bias = true;
  bool x_f32 = false, y_f32 = false;  // with weights of 16 bits
  bool folded = false;                // the norm's weights folded into the layer's
  int parts = 0;                      // of the given sums of x's rows
};

inline constexpr Form forms[] = {
    {},
    {.bias = false},
    {.y_f32 = true},
    {.activation = Activation::gelu_erf},
    {.activation = Activation::gelu_erf, .y_f32 = true},
    {.activation = Activation::gelu_tanh},
    {.activation = Activation::gelu_quick},
    {.accumulate = true},
    {.accumulate = true, .y_f32 = true},
    {.norm = true},
    {.norm = true, .x_f32 = true},
    {.norm = true, .bias = false},
    {.norm = true, .folded = true},
    {.norm = true, .bias = false, .folded = true},
    {.norm = true, .x_f32 = true, .folded = true},
    {.norm = true, .folded = true, .parts = 1},
    {.norm = true, .bias = false, .folded = true, .parts = 3},
    {.activation = Activation::gelu_erf, .norm = true, .folded = true, .parts = 2},
    {.activation = Activation::gelu_erf, .norm = true},
    {.activation = Activation::gelu_erf, .norm = true, .x_f32 = true}};

// A call with its memory, and the expected result.
class MatmulCase {
 public:
  MatmulCase(DType dtype, std::int64_t rows, std::int64_t in, std::int64_t out, Form form)
      : out_(out) {
    const DType x_dtype = form.x_f32 ? DType::f32 : dtype;
    y_dtype_ = form.y_f32 ? DType::f32 : dtype;
    std::vector<float> x = random_values(rows * in, 1, 2);
    for (float& value : x) value += 0.75f;  // a mean that a norm must subtract
    x = rounded(x, x_dtype);
    const std::vector<float> weight = rounded(random_values(out * in, 2, 0.1f), dtype);
    const std::vector<float> bias = rounded(random_values(out, 3), dtype);
    const std::vector<float> gamma = random_values(in, 4), beta = random_values(in, 5, 0.5f);
    before_ = rounded(random_values(rows * out, 6, 2), y_dtype_);
    const InputNorm norm{view(gamma, {in}), view(beta, {in})};
    layer_ = cuda::pack(view(weight, {out, in}), form.bias ? view(bias, {out}) : ConstTensor{}, {},
                        form.folded ? norm : InputNorm{}, dtype);
    if (form.parts > 0) give_sums(x, rows, in, form.parts);
    x_ = on_gpu(x, x_dtype);
    gamma_ = on_gpu(gamma, DType::f32);
    beta_ = on_gpu(beta, DType::f32);
    normed_ = DeviceMemory<>(static_cast<std::size_t>(rows * in) * dtype_bytes(dtype));
    call.x = x_.get();
    call.x_dtype = x_dtype;
    call.rows = rows;
    call.layer = layer_.get();
    call.activation = form.activation;
    call.accumulate = form.accumulate;
    call.y_dtype = y_dtype_;
    call.norm = form.norm;
    if (!layer_->folded()) {
      call.gamma = reinterpret_cast<const float*>(gamma_.get());
      call.beta = reinterpret_cast<const float*>(beta_.get());
    }
    call.eps = norm_eps;
    call.normed = normed_.get();
    reset();

    // Rounding of the result and of the norm; cuBLASLt rounds a product before accumulation or a
    // separate activation; tensor cores truncate when adding. And with a result of 16 bits GELU's
    // tanh form is accepted for the exact one.
    const double unit = rounding(dtype), result_unit = rounding(y_dtype_);
    const double along_sum = form.norm && dtype != DType::f32 ? 4 * unit : 0x1p-18;
    const bool twice = form.accumulate || form.activation != Activation::none;
    const bool near_gelu = form.activation == Activation::gelu_erf && y_dtype_ != DType::f32;
    for (std::int64_t r = 0; r < rows; ++r) {
      std::vector<double> row(x.begin() + r * in, x.begin() + (r + 1) * in);
      if (form.norm) normalise(row, gamma, beta);
      for (std::int64_t o = 0; o < out; ++o) {
        double sum = form.bias ? bias[static_cast<std::size_t>(o)] : 0, squares = sum * sum;
        for (std::int64_t i = 0; i < in; ++i) {
          const double term =
              row[static_cast<std::size_t>(i)] * weight[static_cast<std::size_t>(o * in + i)];
          sum += term;
          squares += term * term;
        }
        const double old = form.accumulate ? before_[expected_.size()] : 0;
        expected_.push_back(activated(form.activation, sum) + old);
        allowed_.push_back(1.1 * result_unit * (std::abs(expected_.back()) + std::abs(old)) +
                           (twice ? 1.1 * result_unit * std::abs(sum) : 0) +
                           along_sum * std::sqrt(squares) + (near_gelu ? 6e-4 : 0));
      }
    }
  }

  MatmulCall call;

  // Restores y; without accumulation it is NaN, to detect elements never written.
  void reset() {
    y_ = on_gpu(call.accumulate ? before_ : std::vector<float>(before_.size(), std::nanf("")),
                y_dtype_);
    call.y = y_.get();
  }

  // "" if the result is correct, else the worst element.
  std::string mistake() const {
    cuda::check(cudaDeviceSynchronize(), "a matrix product");
    std::vector<std::byte> bytes(expected_.size() * dtype_bytes(y_dtype_));
    cuda::check(cudaMemcpy(bytes.data(), call.y, bytes.size(), cudaMemcpyDeviceToHost), "copy");
    double worst = 1;
    std::string text;
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      float got = 0;
      std::uint16_t narrow = 0;
      if (y_dtype_ == DType::f32) {
        std::memcpy(&got, bytes.data() + 4 * i, 4);
      } else {
        std::memcpy(&narrow, bytes.data() + 2 * i, 2);
        got = y_dtype_ == DType::f16 ? half_to_float(narrow) : bfloat16_to_float(narrow);
      }
      const double error = std::abs(got - expected_[i]) / allowed_[i];
      if (error <= worst) continue;
      worst = error;
      text = "row " + std::to_string(static_cast<std::int64_t>(i) / out_) + " column " +
             std::to_string(static_cast<std::int64_t>(i) % out_) + ": " + std::to_string(got) +
             ", not " + std::to_string(expected_[i]) + "; " + std::to_string(error) +
             " times what is allowed";
      if (!(error > worst)) break;  // NaN
    }
    return text;
  }

 private:
  // Like those of the product that computed x, but with interleaved columns per part.
  void give_sums(const std::vector<float>& x, std::int64_t rows, std::int64_t in, int parts) {
    std::vector<float> sums(static_cast<std::size_t>(2 * parts * rows));
    for (std::int64_t i = 0; i < rows * in; ++i) {
      const auto at = static_cast<std::size_t>(2 * (i % in % parts * rows + i / in));
      const float value = x[static_cast<std::size_t>(i)];
      sums[at] += value;
      sums[at + 1] += value * value;
    }
    sums_ = on_gpu(sums, DType::f32);
    call.sums = reinterpret_cast<float2*>(sums_.get());
    call.parts = parts;
  }

  static void normalise(std::vector<double>& row, const std::vector<float>& gamma,
                        const std::vector<float>& beta) {
    double mean = 0, variance = 0;
    for (const double v : row) mean += v / static_cast<double>(row.size());
    for (const double v : row)
      variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = (row[i] - mean) / std::sqrt(variance + static_cast<double>(norm_eps)) * gamma[i] +
               beta[i];
    }
  }

  std::int64_t out_;
  DType y_dtype_;
  std::vector<float> before_;
  std::unique_ptr<DeviceLinear> layer_;
  DeviceMemory<> x_, y_, gamma_, beta_, normed_, sums_;
  std::vector<double> expected_, allowed_;
};

}  // namespace quantring::test
