#pragma once
// What the body of a tensor coded in tiles (ops/coding/tile_coding.h) consists of and where:
//
//   low     u32 [images]             ranked units that have the smaller width
//   grids   (offset f16, step f16) [images][tiles]
//   flags   [images][units / 8]      1: the unit has the smaller width
//   turned  [images][tiles / 8]      1: the tile is rotated
//   codes   [images]                 of the low units, then of the others, each in its order
//   pivots  [images]                 6 bits for each rotated tile
//
// Bits are packed least significant first; each image's flags, pivots and each tile's codes start
// on a byte. A tile is 64 channels of one token; where 64 does not divide the channels, a token's
// last tile has the rest.

#include <algorithm>
#include <cstdint>

#include "ops/coding/bit_packing.h"

namespace quantring {

enum class TileRank : std::uint8_t {
  tokens,  // a unit is a token with all its tiles
  tiles,   // a unit is a tile of 64; shorter ones are not ranked and have the larger width
};

struct TileLayout {
  static constexpr std::uint32_t tile = 64;
  static constexpr int pivot_bits = 6;

  std::uint64_t images, tokens, dim;
  TileRank rank;
  int bits;  // of the units that are not low; those have one less

  // Of an image.
  std::uint64_t tiles_per_token() const { return (dim + tile - 1) / tile; }
  std::uint64_t tiles() const { return tokens * tiles_per_token(); }
  std::uint64_t units() const { return rank == TileRank::tokens ? tokens : tokens * (dim / tile); }
  std::uint64_t flag_bytes() const { return packed_bytes(units(), 1); }
  std::uint64_t turned_bytes() const { return packed_bytes(tiles(), 1); }

  // `at`: number of the tile in its token.
  std::uint64_t tile_values(std::uint64_t at) const {
    return std::min<std::uint64_t>(tile, dim - at * tile);
  }
  // The unit of a ranked tile; units() for one that is not ranked.
  std::uint64_t unit(std::uint64_t token, std::uint64_t at) const {
    if (rank == TileRank::tokens) return token;
    return at < dim / tile ? token * (dim / tile) + at : units();
  }

  std::uint64_t token_bytes(int width) const {
    return dim / tile * packed_bytes(tile, width) + packed_bytes(dim % tile, width);
  }
  // Codes of an image with so many low units: those of the low ones, all.
  std::uint64_t low_bytes(std::uint64_t low) const {
    return low * (rank == TileRank::tokens ? token_bytes(bits - 1) : packed_bytes(tile, bits - 1));
  }
  std::uint64_t code_bytes(std::uint64_t low) const {
    if (rank == TileRank::tokens) return low_bytes(low) + (tokens - low) * token_bytes(bits);
    return low_bytes(low) + (units() - low) * packed_bytes(tile, bits) +
           tokens * packed_bytes(dim % tile, bits);
  }

  // Offsets in the body.
  std::uint64_t grids() const { return images * sizeof(std::uint32_t); }
  std::uint64_t flags() const { return grids() + images * tiles() * 4; }
  std::uint64_t turned() const { return flags() + images * flag_bytes(); }
  std::uint64_t codes() const { return turned() + images * turned_bytes(); }

  std::uint64_t max_bytes() const {
    return codes() + images * (code_bytes(0) + packed_bytes(tiles(), pivot_bits));
  }
};

}  // namespace quantring
