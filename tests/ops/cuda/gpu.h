#pragma once
// Shared by the tests of the CUDA backend: GPU detection, tensors on both devices.

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <span>
#include <vector>

#include "ops/context.h"
#include "ops/device.h"
#include "ops/half.h"
#include "ops/transfer.h"
#include "tests/ops/support.h"

namespace quantring::test {

// Prints that the test is skipped and returns false if there is no GPU.
inline bool have_gpu() {
  static const DeviceChoice choice = choose_device("auto");
  if (choice.device.kind == Device::Kind::cuda) return true;
  std::printf("SKIPPED: no GPU (%s)\n", choice.note.c_str());
  return false;
}

inline ContextOptions on_gpu(Precision precision, bool residual_f32 = false) {
  return {{Device::Kind::cuda, 0}, 1, precision, residual_f32};
}

inline std::uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

inline float bfloat16_to_float(std::uint16_t value) {
  return std::bit_cast<float>(std::uint32_t{value} << 16);
}

// The values rounded to the dtype.
inline std::vector<float> rounded(std::vector<float> values, DType dtype) {
  for (float& value : values) {
    if (dtype == DType::f16) value = half_to_float(float_to_half(value));
    if (dtype == DType::bf16) value = bfloat16_to_float(float_to_bfloat16(value));
  }
  return values;
}

// Half a unit in the last place, relative.
inline double rounding(DType dtype) {
  return dtype == DType::f32 ? 0x1p-24 : dtype == DType::f16 ? 0x1p-11 : 0x1p-8;
}

// A tensor in a context's memory.
class OnDevice {
 public:
  OnDevice(Context& context, const std::vector<float>& values, DType dtype, Shape shape)
      : context_(&context), tensor_{nullptr, dtype, shape} {
    REQUIRE(shape.elements() == std::ssize(values));
    memory_ = Buffer(context, tensor_.bytes());
    tensor_.data = memory_.data();
    std::vector<std::byte> bytes(tensor_.bytes());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (dtype == DType::f32) {
        std::memcpy(bytes.data() + 4 * i, &values[i], 4);
      } else {
        const std::uint16_t narrow =
            dtype == DType::f16 ? float_to_half(values[i]) : float_to_bfloat16(values[i]);
        std::memcpy(bytes.data() + 2 * i, &narrow, 2);
      }
    }
    upload(context, bytes, memory_.data());
  }
  // Filled with NaN, so that an element never written shows.
  OnDevice(Context& context, DType dtype, Shape shape)
      : OnDevice(context,
                 std::vector<float>(static_cast<std::size_t>(shape.elements()), std::nanf("")),
                 dtype, shape) {}

  Tensor tensor() const { return tensor_; }
  operator Tensor() const { return tensor_; }
  operator ConstTensor() const { return tensor_; }

  std::vector<float> values() const {
    std::vector<std::byte> bytes(tensor_.bytes());
    download(*context_, memory_.data(), bytes);
    std::vector<float> result(static_cast<std::size_t>(tensor_.shape.elements()));
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (tensor_.dtype == DType::f32) {
        std::memcpy(&result[i], bytes.data() + 4 * i, 4);
      } else {
        std::uint16_t narrow;
        std::memcpy(&narrow, bytes.data() + 2 * i, 2);
        result[i] = tensor_.dtype == DType::f16 ? half_to_float(narrow) : bfloat16_to_float(narrow);
      }
    }
    return result;
  }

 private:
  Context* context_;
  Tensor tensor_;
  Buffer memory_;
};

// |actual - expected| <= relative * |expected| + absolute, everywhere.
inline void check_near(const std::vector<float>& actual, const std::vector<float>& expected,
                       double relative, double absolute) {
  check_close(actual, std::vector<double>(expected.begin(), expected.end()),
              [&](std::size_t i) { return relative * std::abs(expected[i]) + absolute; });
}

}  // namespace quantring::test
