#pragma once
// Half-precision arrays with the CPU's own conversion: F16C on x86, the baseline of aarch64, and
// bit arithmetic elsewhere.

#include "ops/cpu/isa/vector.h"
#include "ops/half.h"

namespace quantring::cpu {
namespace {

#if defined(__F16C__)
constexpr std::size_t half_lanes = 8;

QUANTRING_INLINE void convert_lanes(const std::uint16_t* source, float* target) {
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
  _mm256_storeu_ps(target, _mm256_cvtph_ps(halves));
}

QUANTRING_INLINE void convert_lanes(const float* source, std::uint16_t* target) {
  const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(source), _MM_FROUND_TO_NEAREST_INT);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(target), halves);
}
#elif defined(__aarch64__)
constexpr std::size_t half_lanes = 4;

QUANTRING_INLINE void convert_lanes(const std::uint16_t* source, float* target) {
  vst1q_f32(target, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(source))));
}

QUANTRING_INLINE void convert_lanes(const float* source, std::uint16_t* target) {
  vst1_u16(target, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(source))));
}
#else
constexpr std::size_t half_lanes = 1;

QUANTRING_INLINE void convert_lanes(const std::uint16_t* source, float* target) {
  *target = half_to_float(*source);
}

QUANTRING_INLINE void convert_lanes(const float* source, std::uint16_t* target) {
  *target = float_to_half(*source);
}
#endif

void halves_to_floats(const std::uint16_t* source, float* target, std::size_t count) {
  std::size_t i = 0;
  for (; i + half_lanes <= count; i += half_lanes) convert_lanes(source + i, target + i);
  for (; i < count; ++i) target[i] = half_to_float(source[i]);
}

void floats_to_halves(const float* source, std::uint16_t* target, std::size_t count) {
  std::size_t i = 0;
  for (; i + half_lanes <= count; i += half_lanes) convert_lanes(source + i, target + i);
  for (; i < count; ++i) target[i] = float_to_half(source[i]);
}

}  // namespace
}  // namespace quantring::cpu
