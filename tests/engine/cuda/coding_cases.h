#pragma once
// Tensors of every kind for the codecs on a GPU, and what the CPU makes of them.

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/codec/codec.h"
#include "ops/half.h"
#include "ops/tensor.h"

namespace quantring::test {

inline const char* const value_kinds[] = {
    "normal",   "laplace",        "outliers",  "constant",     "not finite", "nothing finite",
    "integers", "zeros of signs", "subnormal", "all negative", "wide"};

inline std::vector<float> values_of_kind(const std::string& kind, std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(count) + 1);
  std::normal_distribution<float> normal(0.1F, 1.0F);
  std::exponential_distribution<float> one_side(2.0F);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    float& x = values[i];
    x = normal(random);
    if (kind == "laplace") x = random() % 2 == 0 ? one_side(random) : -one_side(random);
    if (kind == "outliers" && i % 97 == 13) x *= 300;
    if (kind == "constant") x = -1.75F;
    if (kind == "not finite" && i % 5 == 1)
      x = i % 3 == 0 ? INFINITY : i % 3 == 1 ? -INFINITY : std::nanf("");
    if (kind == "nothing finite") x = i % 2 == 0 ? INFINITY : std::nanf("");
    if (kind == "integers") x = std::round(8 * x);  // many halves between two codes
    if (kind == "zeros of signs") x = i % 2 == 0 ? 0.0F : -0.0F;
    if (kind == "subnormal") x = std::ldexp(std::round(20 * x), -149);
    if (kind == "all negative") x = -40 - x;
    if (kind == "wide") x = std::ldexp(x, i % 2 == 0 ? 125 : 100);
  }
  return values;
}

inline std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return 0x7fff;  // as the GPU rounds it
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

// Values as the dtype stores them.
inline std::vector<std::byte> stored(const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * dtype_bytes(dtype));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t narrow =
        dtype == DType::f16 ? float_to_half(values[i]) : to_bfloat16(values[i]);
    if (dtype == DType::f32) std::memcpy(bytes.data() + 4 * i, &values[i], 4);
    if (dtype != DType::f32) std::memcpy(bytes.data() + 2 * i, &narrow, 2);
  }
  return bytes;
}

inline std::vector<float> widened(const std::vector<std::byte>& bytes, DType dtype) {
  std::vector<float> values(bytes.size() / dtype_bytes(dtype));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::f32) {
      std::memcpy(&values[i], bytes.data() + 4 * i, 4);
    } else {
      std::uint16_t narrow;
      std::memcpy(&narrow, bytes.data() + 2 * i, 2);
      values[i] = dtype == DType::f16 ? half_to_float(narrow)
                                      : std::bit_cast<float>(std::uint32_t{narrow} << 16);
    }
  }
  return values;
}

}  // namespace quantring::test
