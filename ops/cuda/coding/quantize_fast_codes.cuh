#pragma once
// Codes of finite values in few instructions, and their stores.

#include "ops/cuda/coding/quantize_math.cuh"

namespace quantring::cuda {

// Quantizer::code for finite values, without comparisons: values outside the range saturate.
template <int bits>
struct FastQuantizer {
  float offset, scale, inverse;

  // Whether no intermediate result overflows.
  static __device__ bool fits(const Quantizer<bits>& quantizer, coding::Extremes extremes) {
    const float reach = fmaxf(fabsf(extremes.low), fabsf(extremes.high));
    return quantizer.plain && reach * 4.0F <= quantizer.range.scale * 0x1p40F;
  }
  // The code plus 0x4b000000.
  __device__ std::uint32_t raw_code(float x) const {
    const float a = __fsub_rn(x, offset);
    float q = __fmul_rn(a, inverse);
    q = __fmaf_rn(__fmaf_rn(-q, scale, a), inverse, q);
    asm("fma.rn.sat.f32 %0, %1, %2, %3;"
        : "=f"(q)
        : "f"(__fmaf_rn(-q, scale, a)), "f"(inverse), "f"(q));
    return coding::to_bits(__fadd_rn(__fmul_rn(q, Quantizer<bits>::top), coding::round_unsigned));
  }
};

// Packs codes that have 0x4b000000 added to each: one shift and one addition per code, the excess
// is subtracted at the end.
template <int bits>
__device__ inline LaneCodes<bits> pack_raw(const std::uint32_t (&raw)[lane_values]) {
  LaneCodes<bits> packed{};
  constexpr int in_word = bits == 16 ? 2 : 4;
  std::uint32_t part[lane_values / in_word];
#pragma unroll
  for (int p = 0; p < lane_values / in_word; ++p) {
    std::uint32_t sum = 0, added = 0;
#pragma unroll
    for (int i = 0; i < in_word; ++i) {
      sum += raw[p * in_word + i] << (i * bits);
      added += 0x4b000000u << (i * bits);
    }
    part[p] = sum - added;
  }
  if constexpr (bits >= 8) {
#pragma unroll
    for (int p = 0; p < lane_values / in_word; ++p) packed.word[p] = part[p];
  } else {
    packed.word[0] = part[0] | part[1] << (4 * bits);
    packed.word[1] = part[1] >> (32 - 4 * bits);
  }
  return packed;
}

// target: of the lane's codes. Widths that are powers of two need no staging.
template <int bits>
__device__ inline void store_direct(const LaneCodes<bits>& packed, std::byte* target) {
  if constexpr (bits == 2) {
    *reinterpret_cast<std::uint16_t*>(target) = static_cast<std::uint16_t>(packed.word[0]);
  } else if constexpr (bits == 4) {
    *reinterpret_cast<std::uint32_t*>(target) = packed.word[0];
  } else {
#pragma unroll
    for (int i = 0; i < bits / 8; ++i) {
      reinterpret_cast<uint2*>(target)[i] = make_uint2(packed.word[2 * i], packed.word[2 * i + 1]);
    }
  }
}

}  // namespace quantring::cuda
