#pragma once
// All devices and precisions of this machine, for tests that run in each of them.

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "ops/context.h"
#include "ops/half.h"
#include "ops/transfer.h"

namespace quantring::test {

struct Setting {
  std::string name;
  ContextOptions options;

  // The limit of the relative error (L2) in this precision, if `f32` is that for f32: rounding at
  // every step, over a few blocks.
  double bound(double f32) const {
    switch (options.precision) {
      case Precision::f16:
        return 5e-3;
      case Precision::bf16:
        return 4e-2;
      case Precision::f32:
        break;
    }
    return f32;
  }
};

inline std::vector<Setting> gpu_settings() {
  const Device device = choose_device("auto").device;
  if (device.kind != Device::Kind::cuda) return {};
  return {{"cuda f32", {device, 1, Precision::f32, false}},
          {"cuda f16", {device, 1, Precision::f16, false}},
          {"cuda f16, residual f32", {device, 1, Precision::f16, true}},
          {"cuda bf16", {device, 1, Precision::bf16, false}},
          {"cuda bf16, residual f32", {device, 1, Precision::bf16, true}}};
}

inline std::vector<Setting> all_settings() {
  std::vector<Setting> settings = gpu_settings();
  settings.insert(settings.begin(), {"cpu", {}});
  return settings;
}

// The values of a device tensor of f32, f16 or bf16.
inline std::vector<float> host_values(Context& context, ConstTensor tensor) {
  std::vector<std::byte> bytes(tensor.bytes());
  download(context, tensor.data, bytes);
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (tensor.dtype == DType::f32) {
      std::memcpy(&values[i], bytes.data() + 4 * i, 4);
    } else {
      std::uint16_t narrow = 0;
      std::memcpy(&narrow, bytes.data() + 2 * i, 2);
      values[i] = tensor.dtype == DType::f16 ? half_to_float(narrow)
                                             : std::bit_cast<float>(std::uint32_t{narrow} << 16);
    }
  }
  return values;
}

// A device copy of a host tensor.
class Uploaded {
 public:
  Uploaded(Context& context, ConstTensor source)
      : memory_(context, source.bytes()), tensor_{memory_.data(), source.dtype, source.shape} {
    upload(context, {static_cast<const std::byte*>(source.data), source.bytes()}, memory_.data());
  }
  operator ConstTensor() const { return tensor_; }

 private:
  Buffer memory_;
  ConstTensor tensor_;
};

}  // namespace quantring::test
