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

// This lane's bytes of a group of steps, of step_classes or of an image's symbols.
__device__ inline std::int64_t group_place(const TransformCode& c, int stream, int group) {
  return ((std::int64_t{stream} * c.groups + group) * 32 + threadIdx.x % 32) * transform_group;
}
__device__ inline uint2 load_group(const std::uint8_t* source, std::int64_t place) {
  return *reinterpret_cast<const uint2*>(source + place);
}
__device__ inline int byte_at(uint2 bytes, int step) {
  return static_cast<int>(__byte_perm(bytes.x, bytes.y, 0x4440u | static_cast<unsigned>(step)) &
                          255u);
}

// Which of an image's coded coefficients has the symbol at `place`.
__device__ inline int number_at(const TransformCode& c, int place) {
  const int of_stream = c.groups * 32 * transform_group;
  const int stream = place / of_stream, rest = place % of_stream;
  const int step = rest / (32 * transform_group) * transform_group + rest % transform_group;
  return stream * c.each + step * c.lanes + rest / transform_group % 32;
}

// The quantized coefficient of a symbol at `place`.
__device__ inline std::int32_t quantized_at(const TransformCode& c, const TransformScratch& s,
                                            std::int64_t image, int place) {
  const int symbol = s.symbols[image * c.streams * c.groups * 32 * transform_group + place];
  if (symbol == escape_symbol) return s.quantized[image * c.coded + number_at(c, place)];
  const int m = (symbol + 1) / 2;
  return symbol % 2 == 0 ? -m : m;
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
