#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "engine/model/safetensors.h"
#include "ops/base/error.h"
#include "ops/half.h"
#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {
namespace {

// Stored bytes may be unaligned.
template <class Stored>
Stored load(const std::byte* bytes, std::size_t index) {
  Stored value;
  std::memcpy(&value, bytes + index * sizeof value, sizeof value);
  return value;
}

void widen_halves(const std::byte* bytes, std::vector<float>& values) {
  std::array<std::uint16_t, 4096> aligned;
  for (std::size_t at = 0; at < values.size(); at += aligned.size()) {
    const std::size_t count = std::min(aligned.size(), values.size() - at);
    std::memcpy(aligned.data(), bytes + at * 2, count * 2);
    halves_to_floats(aligned.data(), values.data() + at, count);
  }
}

}  // namespace

bool is_float_dtype(std::string_view dtype) {
  return dtype == "F32" || dtype == "F16" || dtype == "BF16" || dtype == "F64";
}

std::vector<float> widen(const std::string& dtype, const std::byte* bytes, std::size_t size) {
  static_assert(std::endian::native == std::endian::little, "the bytes are little-endian");
  if (!is_float_dtype(dtype)) {
    throw Error(fmt::format("it has {} values; weights are F32, F16, BF16 or F64", dtype));
  }
  const std::size_t element = stored_dtype_bytes(dtype);
  if (size % element != 0) throw std::logic_error("widen: not a whole number of elements");
  std::vector<float> values(size / element);
  if (values.empty()) return values;
  if (dtype == "F32") {
    std::memcpy(values.data(), bytes, size);
  } else if (dtype == "F16") {
    widen_halves(bytes, values);
  } else if (dtype == "BF16") {  // the upper half of an f32
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = std::bit_cast<float>(std::uint32_t{load<std::uint16_t>(bytes, i)} << 16);
    }
  } else {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = load<double>(bytes, i);
      values[i] = static_cast<float>(value);
      if (std::isinf(values[i]) && std::isfinite(value)) {
        throw Error(fmt::format("it has a value of {}, which is too large for f32", value));
      }
    }
  }
  return values;
}

}  // namespace quantring::weights
