#pragma once
// Coding in tiles (TAH-Quant, ops/coding/tile_layout.h): each tile has a grid of its own, a tile
// with an outlier is rotated so that the outlier does not widen it, and the fifth of the units
// whose magnitudes are most unevenly spread gets one bit less.
//
//   entropy of a unit: -sum p ln p, p = |x| / sum |x|; the low ones have the smallest, of equal
//   ones
//     those that come first
//   a tile is rotated where its largest magnitude m1 and the second m2 have m1 >= 2 m2 (TileRank::
//     tokens) or m1 > 2 m2 (tiles), m1 > 0 and its length is a power of two from 2 on: value 0 and
//     the largest (the pivot) change places, then a Hadamard transform (Sylvester) over
//     sqrt(length)
//   offset = f16(min), step = f16((max - min) / (2^bits - 1)), both within +-65504
//   code = round_half_even((value - offset) / step), clamped; value = code * step + offset
//
// Within a tile infinities become its largest and smallest finite value and NaN the smallest; a
// tile without finite values is 0. Arithmetic step by step: ops/coding/tile_arithmetic.h.

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/coding/tile_layout.h"
#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// bits: 2..8. values: [images, ..., dim], f32 or the context's residual dtype. Invalid arguments
// throw std::invalid_argument. A GPU has no kernels for these: it waits, and the host codes.
std::size_t tile_scratch_bytes(const Context& context, std::int64_t images, std::int64_t each);
void encode_tiles(Context& context, ConstTensor values, TileRank rank, int bits, void* scratch,
                  std::byte* body);
// body: passed by check_tiles().
void decode_tiles(Context& context, const std::byte* body, TileRank rank, int bits, Tensor values);

// Of what encode_tiles() has written, in host memory.
std::uint64_t tile_body_bytes(const TileLayout& layout, const std::byte* body);
// Throws Error for a body that encode_tiles() cannot have written; body: in host memory.
void check_tiles(const TileLayout& layout, std::span<const std::byte> body);

}  // namespace quantring
