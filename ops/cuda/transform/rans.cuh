#pragma once
// The entropy coder's arithmetic (engine/codec/klt/rans.h) as a warp codes a stream, a lane of the
// coder in each of its lanes; the tables in shared memory.

#include "ops/cuda/transform/transform.h"

namespace quantring::cuda {

inline constexpr std::uint32_t every_lane = 0xffffffffu;
inline constexpr int rans_bits = 14;
inline constexpr std::uint32_t rans_slots = 1u << rans_bits, rans_lowest = 1u << 16;
inline constexpr std::uint32_t digit_size = rans_slots >> 5;  // of an escaped magnitude
inline constexpr int escape_magnitude = transform_symbols / 2;
inline constexpr int escape_symbol = transform_symbols - 1;
inline constexpr int range_entries = transform_classes * transform_ranges_stride;
inline constexpr int slot_entries = transform_classes * transform_slots;

// This lane and those before it.
__device__ inline std::uint32_t lanes_before() {
  std::uint32_t mask;
  asm("mov.u32 %0, %%lanemask_lt;" : "=r"(mask));
  return mask;
}

// Where a stream's coefficients begin, and how many there are.
struct StreamRange {
  int begin, count;
};
__device__ inline StreamRange stream_range(const TransformCode& c, int stream) {
  const int begin = min(stream * c.each, c.coded);
  return {begin, min(c.each, c.coded - begin)};
}

}  // namespace quantring::cuda
