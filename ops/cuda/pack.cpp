#include "ops/cuda/pack.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "ops/cuda/error.h"
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
                  " is more than f16 can hold: use --precision bf16");
    }
  }
  return result;
}

template <class T>
void put(DeviceMemory<T>& memory, const void* source, std::size_t bytes) {
  memory = DeviceMemory<T>(bytes / sizeof(T));
  check(cudaMemcpy(memory.get(), source, bytes, cudaMemcpyHostToDevice), "copying weights");
}

// The power of two that takes the largest value near 1.
float enlargement(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  if (largest == 0 || !std::isfinite(largest)) return 1;
  return std::ldexp(1.0f, -std::ilogb(largest));
}

}  // namespace

std::unique_ptr<DeviceLinear> pack(ConstTensor weight, ConstTensor bias, ConstTensor scale,
                                   DType dtype) {
  auto layer = std::make_unique<DeviceLinear>();
  layer->out = weight.shape[0];
  layer->in = weight.shape[1];
  layer->dtype = dtype;
  std::vector<float> values = widened(weight);
  std::vector<float> biases = bias.data != nullptr ? widened(bias) : std::vector<float>();
  if (scale.data != nullptr) {
    for (std::int64_t row = 0; row < layer->out; ++row) {
      for (float& value : std::span(values).subspan(row * layer->in, layer->in)) {
        value *= scale.f32()[row];
      }
    }
    for (std::size_t i = 0; i < biases.size(); ++i) biases[i] *= scale.f32()[i];
    if (dtype == DType::f16) {
      const float factor = enlargement(values);
      for (float& value : values) value *= factor;
      layer->alpha = 1 / factor;
    }
  }
  if (dtype == DType::f32) {
    put(layer->weights, values.data(), values.size() * sizeof(float));
  } else {
    const std::vector<std::uint16_t> narrow = narrowed(values, dtype);
    put(layer->weights, narrow.data(), narrow.size() * sizeof(std::uint16_t));
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
