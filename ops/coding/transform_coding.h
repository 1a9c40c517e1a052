#pragma once
// Codec klt's work on a GPU: values to a body and back, with the bytes and values of
// engine/codec/klt/klt.h, where formats and sums are described. The CPU codes there.

#include <cstddef>
#include <cstdint>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// 16-bit integers as two planes of bytes, 256 high + low: [2, cols, depth rounded up to
// transform_depth], depth contiguous, zeros behind it.
struct TransformMatrix {
  const std::int8_t* planes = nullptr;
  const float* units = nullptr;  // [cols]
  int depth = 0, cols = 0;
};
inline constexpr int transform_depth = 64;
inline std::int64_t transform_padded(std::int64_t depth) {
  return (depth + transform_depth - 1) / transform_depth * transform_depth;
}

inline constexpr int transform_classes = 64;
inline constexpr int transform_symbols = 30;        // 0, +1, -1 ... escape
inline constexpr int transform_ranges_stride = 32;  // of a class
inline constexpr int transform_slot_shift = 6, transform_slots = 256;
inline constexpr int transform_max_streams = 8;
inline constexpr int transform_group = 8;  // steps of a stream, a symbol a lane each

// One operating point's tables, in the device's memory.
struct TransformCode {
  int prefix = 0, rows = 0, cols = 0, dim = 0, components = 0;
  int streams = 1, lanes = 1;                 // lanes of each stream
  int coded = 0, coded_prefix = 0, each = 0;  // coefficients: all, of prefix tokens, a stream's
  float step = 1, prefix_step = 1, per_step = 1, per_prefix_step = 1;
  float points[3] = {1, 2, 0};
  const float* mean = nullptr;       // [tokens, dim]
  TransformMatrix analysis;          // depth dim, cols dim
  TransformMatrix prefix_synthesis;  // depth dim, cols dim
  TransformMatrix patch_synthesis;   // depth components, cols dim
  // [n, n rounded up to 4], row i is frequency i; the inverse ones are transposed.
  const float *dct_rows = nullptr, *dct_cols = nullptr;
  const float *inverse_rows = nullptr, *inverse_cols = nullptr;
  // The first two in the host's memory, rows of n.
  const float *host_dct_rows = nullptr, *host_dct_cols = nullptr;
  // Classes as lanes take them: [streams, groups, 32 lanes, transform_group steps]. Symbols lie in
  // the same way.
  const std::uint8_t* step_classes = nullptr;
  int groups = 0;
  // Of [prefix * dim + patches * components]: the place among step_classes, or -1; the class.
  const std::int32_t* order = nullptr;
  const std::uint8_t* place_classes = nullptr;
  // [classes, stride]: begin | size - 1 << 14 | floor(log2(size)) << 28 | 2^(32 + that log) / size
  // << 32, the last at most 2^32 - 1.
  const std::uint64_t* ranges = nullptr;
  // [classes, slots], of the symbol that the part begins in: begin | size - 1 << 16 | the next
  // one's size - 1 << 32 | symbol << 48.
  const std::uint64_t* slots = nullptr;
  const float* thresholds = nullptr;  // [classes, 14]

  int symbol_bytes() const { return streams * groups * 32 * transform_group; }  // of an image
  int patches() const { return rows * cols; }
  int tokens() const { return prefix + rows * cols; }
};

// Of both, for up to `images`.
std::size_t transform_scratch_bytes(const Context& context, const TransformCode& code,
                                    std::int64_t images);

// values: [images, tokens, dim], f32 or the residual dtype. body: max_body_bytes() of the codec.
// scratch: zeroed before the first call, not shared with concurrent work.
void transform_encode(Context& context, ConstTensor values, const TransformCode& code,
                      void* scratch, std::byte* body);
// body: any that the codec's check_body() has passed, aligned to 4 bytes.
void transform_decode(Context& context, const std::byte* body, const TransformCode& code,
                      void* scratch, Tensor values);

}  // namespace quantring
