#include "ops/cuda/matmul/pack.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "ops/cuda/device/error.h"
#include "ops/half.h"

namespace quantring::cuda {
namespace {

std::vector<float> widened(const ConstTensor& source) {
  std::vector<float> values(static_cast<std::size_t>(source.shape.elements()));
  if (source.dtype == DType::f32) {
    std::copy_n(source.f32(), values.size(), values.begin());
  } else {
    halves_to_floats(static_cast<const std::uint16_t*>(source.data), values.data(), values.size());
  }
  return values;
}

// To nearest, half to even.
std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

std::vector<std::uint16_t> narrowed(std::span<const float> values, DType dtype) {
  std::vector<std::uint16_t> result(values.size());
  if (dtype == DType::bf16) {
    std::transform(values.begin(), values.end(), result.begin(), to_bfloat16);
    return result;
  }
  floats_to_halves(values.data(), result.data(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if ((result[i] & 0x7fffu) == 0x7c00u && std::isfinite(values[i])) {
      throw Error("a weight of " + std::to_string(values[i]) +
                  " is outside the range of f16: use --precision bf16");
    }
  }
  return result;
}

template <class T>
void put(DeviceMemory<T>& memory, const void* source, std::size_t bytes) {
  memory = DeviceMemory<T>(bytes / sizeof(T));
  check(cudaMemcpy(memory.get(), source, bytes, cudaMemcpyHostToDevice), "copying weights");
}

// The power of two that scales the largest value to [1, 2).
float scale_up(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  if (largest == 0 || !std::isfinite(largest)) return 1;
  return std::ldexp(1.0f, -std::ilogb(largest));
}

// W and b of y = scale * (x W^T + b).
void fold_scale(const float* scale, std::int64_t in, std::vector<float>& weights,
                std::vector<float>& biases) {
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] *= scale[i / in];
  for (std::size_t i = 0; i < biases.size(); ++i) biases[i] *= scale[i];
}

// W and b of y = (x * gamma + beta) W^T + b.
void fold_norm(const InputNorm& norm, std::int64_t out, std::int64_t in,
               std::vector<float>& weights, std::vector<float>& biases) {
  const std::vector<float> gamma = widened(norm.gamma), beta = widened(norm.beta);
  biases.resize(static_cast<std::size_t>(out));
  for (std::int64_t row = 0; row < out; ++row) {
    const std::span<float> line = std::span(weights).subspan(row * in, in);
    double shift = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      shift += double{line[i]} * double{beta[i]};
      line[i] *= gamma[i];
    }
    float& bias = biases[static_cast<std::size_t>(row)];
    bias = static_cast<float>(double{bias} + shift);
  }
}

// Row sums of the weights as rounded for the device, so that a row's mean cancels exactly.
std::vector<float> sums(const std::vector<std::uint16_t>& weights, std::int64_t in, DType dtype) {
  std::vector<float> result, line(static_cast<std::size_t>(in));
  for (std::size_t first = 0; first < weights.size(); first += line.size()) {
    if (dtype == DType::f16) {
      halves_to_floats(&weights[first], line.data(), line.size());
    } else {
      std::transform(&weights[first], &weights[first] + in, line.begin(), [](std::uint16_t narrow) {
        return std::bit_cast<float>(std::uint32_t{narrow} << 16);
      });
    }
    result.push_back(static_cast<float>(std::accumulate(line.begin(), line.end(), 0.0)));
  }
  return result;
}

}  // namespace

std::unique_ptr<DeviceLinear> pack(ConstTensor weight, ConstTensor bias, ConstTensor scale,
                                   InputNorm norm, DType dtype) {
  auto layer = std::make_unique<DeviceLinear>();
  layer->out = weight.shape[0];
  layer->in = weight.shape[1];
  layer->dtype = dtype;
  std::vector<float> weights = widened(weight);
  std::vector<float> biases = bias.data != nullptr ? widened(bias) : std::vector<float>();
  if (scale.data != nullptr) fold_scale(scale.f32(), layer->in, weights, biases);
  // f32 is for checking: no folding, so that values stay those of the model.
  const bool fold = norm.gamma.data != nullptr && dtype != DType::f32;
  if (fold) fold_norm(norm, layer->out, layer->in, weights, biases);
  if ((scale.data != nullptr || fold) && dtype == DType::f16) {
    const float factor = scale_up(weights);
    for (float& value : weights) value *= factor;
    layer->alpha = 1 / factor;
  }
  if (dtype == DType::f32) {
    put(layer->weights, weights.data(), weights.size() * sizeof(float));
  } else {
    const std::vector<std::uint16_t> narrow = narrowed(weights, dtype);
    put(layer->weights, narrow.data(), narrow.size() * sizeof(std::uint16_t));
    if (fold) {
      const std::vector<float> total = sums(narrow, layer->in, dtype);
      put(layer->weight_sums, total.data(), total.size() * sizeof(float));
    }
  }
  if (biases.empty()) return layer;
  put(layer->bias, biases.data(), biases.size() * sizeof(float));
  if (dtype != DType::f32) {
    const std::vector<std::uint16_t> narrow = narrowed(biases, dtype);
    put(layer->bias_16, narrow.data(), narrow.size() * sizeof(std::uint16_t));
  }
  return layer;
}

}  // namespace quantring::cuda
