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
// What TransformCode::ranges packs.
inline constexpr std::uint32_t range_mask = (1u << 14) - 1;

// This lane and those before it.
__device__ inline std::uint32_t lanes_before() {
  std::uint32_t mask;
  asm("mov.u32 %0, %%lanemask_lt;" : "=r"(mask));
  return mask;
}

// This lane's classes of a group of steps.
__device__ inline uint2 group_classes(const TransformCode& c, int stream, int group) {
  const std::int64_t at = (std::int64_t{stream} * c.groups + group) * 32 + threadIdx.x % 32;
  return __ldg(reinterpret_cast<const uint2*>(c.step_classes) + at);
}
__device__ inline int class_at(uint2 classes, int step) {
  return static_cast<int>((step < 4 ? classes.x >> (8 * step) : classes.y >> (8 * (step - 4))) &
                          255u);
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
