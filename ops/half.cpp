#include "ops/half.h"

#include <bit>

#include "ops/cpu/kernels.h"

namespace quantring {

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half} >> 15 << 31;
  const std::uint32_t exponent = half >> 10 & 0x1f;
  const std::uint32_t mantissa = half & 0x3ff;
  if (exponent == 0x1f) {
    // NaN becomes quiet, as with the CPU's instructions.
    const std::uint32_t quiet = mantissa ? 0x400000u : 0u;
    return std::bit_cast<float>(sign | 0x7f800000u | quiet | mantissa << 13);
  }
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 31 << 15;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u | (magnitude >> 13 & 0x3ffu);
  } else if (magnitude >= 0x47800000u) {  // 65536; from 65520 on, rounding carries to infinity
    half = 0x7c00u;
  } else if (magnitude < 0x38800000u) {  // below 2^-14 halves are multiples of 2^-24
    // Adding 0.5 moves that step to the float's last bit, so that the addition rounds.
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  } else {
    const std::uint32_t odd = magnitude >> 13 & 1u;
    half = (magnitude + 0xfffu + odd - (112u << 23)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

void halves_to_floats(const std::uint16_t* source, float* target, std::size_t count) {
  cpu::kernels().halves_to_floats(source, target, count);
}

void floats_to_halves(const float* source, std::uint16_t* target, std::size_t count) {
  cpu::kernels().floats_to_halves(source, target, count);
}

}  // namespace quantring
