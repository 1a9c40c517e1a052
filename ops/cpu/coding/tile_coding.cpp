#include "ops/cpu/coding/tile_coding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "ops/coding/bit_packing.h"
#include "ops/coding/tile_arithmetic.h"
#include "ops/cpu/coding/uniform_grid.h"
#include "ops/cpu/thread_pool.h"

namespace quantring::cpu {
namespace {

using coding::EntropySums;
using coding::Extremes;
using coding::TileGrid;

constexpr std::size_t tile = TileLayout::tile;

bool bit_at(const std::byte* bits, std::uint64_t at) {
  return (bits[at / 8] >> (at % 8) & std::byte{1}) != std::byte{0};
}
void set_bit(std::byte* bits, std::uint64_t at) {
  bits[at / 8] |= std::byte{1} << (at % 8);
}

// A tile's values, all finite.
struct Tile {
  std::array<float, tile> values;
  std::size_t count = 0;

  void load(const float* source, std::size_t length) {
    count = length;
    Extremes found = finite_extremes({source, length});
    if (found.low > found.high) found = {0, 0};
    found = coding::clamped(found, coding::tile_limit);
    for (std::size_t i = 0; i < length; ++i) {
      float value = source[i] > found.low ? source[i] : found.low;  // NaN too
      values[i] = value < found.high ? value : found.high;
    }
  }

  // The magnitude of the pivot, the first of the largest.
  struct Peak {
    float largest = -1, second = 0;
    std::size_t pivot = 0;
  };
  Peak peak() const {
    Peak peak;
    for (std::size_t i = 0; i < count; ++i) {
      const float magnitude = coding::magnitude(values[i]);
      if (magnitude > peak.largest) {
        peak.second = std::max(peak.largest, 0.0F);
        peak.largest = magnitude;
        peak.pivot = i;
      } else if (magnitude > peak.second) {
        peak.second = magnitude;
      }
    }
    return peak;
  }

  // Its own inverse but for the rounding.
  void transform() {
    for (std::size_t stride = 1; stride < count; stride *= 2) {
      for (std::size_t begin = 0; begin < count; begin += 2 * stride) {
        for (std::size_t i = begin; i < begin + stride; ++i) {
          const float a = values[i], b = values[i + stride];
          values[i] = a + b;
          values[i + stride] = a - b;
        }
      }
    }
    const float factor = coding::turn_factor(count);
    for (std::size_t i = 0; i < count; ++i) values[i] *= factor;
  }

  void add_entropy(float scale, EntropySums& sums) const {
    std::uint32_t shares = 0, bits = 0;  // of 64 values each below 2^23
    for (std::size_t i = 0; i < count; ++i) {
      const float x = coding::magnitude(values[i]) * scale;
      shares += coding::entropy_share(x);
      bits += coding::entropy_bits(x);
    }
    sums.shares += shares;
    sums.bits += bits;
  }

  TileGrid encode(int bits, std::byte* packed) const {
    Extremes found{values[0], values[0]};
    for (std::size_t i = 1; i < count; ++i) {
      found.low = std::min(found.low, values[i]);
      found.high = std::max(found.high, values[i]);
    }
    const TileGrid grid = coding::tile_grid(found, bits);
    const float offset = half_to_float(grid.offset), step = half_to_float(grid.step);
    const float top = static_cast<float>((1 << bits) - 1);
    std::array<std::uint8_t, tile> codes{};
    if (step > 0.0F) {
      for (std::size_t i = 0; i < count; ++i)
        codes[i] = coding::tile_code(values[i], offset, step, top);
    }
    pack_codes(std::span<const std::uint8_t>(codes).first(count), bits,
               {packed, packed_bytes(count, bits)});
    return grid;
  }

  void decode(const std::byte* packed, int bits, TileGrid grid, std::size_t length) {
    count = length;
    std::array<std::uint8_t, tile> codes{};
    unpack_codes({packed, packed_bytes(count, bits)}, bits, std::span(codes).first(count));
    const float offset = half_to_float(grid.offset), step = half_to_float(grid.step);
    for (std::size_t i = 0; i < count; ++i) values[i] = coding::tile_value(codes[i], offset, step);
  }
};

// Where the codes of an image's tiles are, in their order.
class CodePlaces {
 public:
  CodePlaces(const TileLayout& layout, const std::byte* flags, std::uint64_t low)
      : layout_(layout), flags_(flags), rest_(layout.low_bytes(low)) {}

  struct Place {
    int bits;
    std::uint64_t at;
  };
  Place next(std::uint64_t token, std::uint64_t at) {
    const std::uint64_t unit = layout_.unit(token, at);
    const bool low = unit < layout_.units() && bit_at(flags_, unit);
    const int bits = low ? layout_.bits - 1 : layout_.bits;
    std::uint64_t& end = low ? low_ : rest_;
    const std::uint64_t begin = end;
    end += packed_bytes(layout_.tile_values(at), bits);
    return {bits, begin};
  }

 private:
  const TileLayout& layout_;
  const std::byte* flags_;
  std::uint64_t low_ = 0, rest_;
};

template <class Each>
void each_tile(const TileLayout& layout, const Each& each) {
  std::uint64_t number = 0;
  for (std::uint64_t token = 0; token < layout.tokens; ++token)
    for (std::uint64_t at = 0; at < layout.tiles_per_token(); ++at) each(token, at, number++);
}

class ImageEncoder {
 public:
  ImageEncoder(const TileLayout& layout, const float* values, std::byte* body, std::size_t image)
      : layout_(layout),
        values_(values + image * layout.tokens * layout.dim),
        grids_(body + layout.grids() + image * layout.tiles() * sizeof(TileGrid)),
        flags_(body + layout.flags() + image * layout.flag_bytes()),
        turned_(body + layout.turned() + image * layout.turned_bytes()) {
    std::fill_n(flags_, layout.flag_bytes(), std::byte{0});
    std::fill_n(turned_, layout.turned_bytes(), std::byte{0});
  }

  void flag_low(std::uint64_t low, std::uint64_t* keys) {
    const std::uint64_t units = layout_.units();
    if (low == 0) return;
    const std::uint64_t in_unit = layout_.rank == TileRank::tokens ? layout_.tiles_per_token() : 1;
    for (std::uint64_t token = 0; token < layout_.tokens; ++token) {
      for (std::uint64_t at = 0; at < layout_.tiles_per_token(); at += in_unit) {
        const std::uint64_t unit = layout_.unit(token, at);
        if (unit < units)
          keys[unit] = coding::rank_key(sums(token, at, in_unit), static_cast<std::uint32_t>(unit));
      }
    }
    std::nth_element(keys, keys + low - 1, keys + units);
    for (std::uint64_t i = 0; i < low; ++i) set_bit(flags_, keys[i] & 0xffffffffu);
  }

  void write_codes(std::uint64_t low, std::byte* codes, std::byte* pivots) {
    CodePlaces places(layout_, flags_, low);
    std::uint64_t pivot_bit = 0;
    each_tile(layout_, [&](std::uint64_t token, std::uint64_t at, std::uint64_t number) {
      load(token, at);
      const Tile::Peak peak = tile_.peak();
      if (coding::tile_may_turn(tile_.count) &&
          coding::tile_turns(peak.largest, peak.second, layout_.rank)) {
        set_bit(turned_, number);
        for (int bit = 0; bit < TileLayout::pivot_bits; ++bit, ++pivot_bit) {
          if (pivot_bit % 8 == 0) pivots[pivot_bit / 8] = std::byte{0};
          if ((peak.pivot >> bit & 1) != 0) set_bit(pivots, pivot_bit);
        }
        std::swap(tile_.values[0], tile_.values[peak.pivot]);
        tile_.transform();
      }
      const auto place = places.next(token, at);
      const TileGrid grid = tile_.encode(place.bits, codes + place.at);
      std::memcpy(grids_ + number * sizeof grid, &grid, sizeof grid);
    });
  }

 private:
  void load(std::uint64_t token, std::uint64_t at) {
    tile_.load(values_ + token * layout_.dim + at * tile, layout_.tile_values(at));
  }

  // Of `count` tiles of a token.
  EntropySums sums(std::uint64_t token, std::uint64_t first, std::uint64_t count) {
    float largest = 0;
    for (std::uint64_t at = first; at < first + count; ++at) {
      load(token, at);
      largest = std::max(largest, tile_.peak().largest);
    }
    EntropySums sums;
    if (largest == 0.0F) return sums;
    const float scale = coding::unit_scale({0, largest});
    for (std::uint64_t at = first; at < first + count; ++at) {
      load(token, at);
      tile_.add_entropy(scale, sums);
    }
    return sums;
  }

  const TileLayout& layout_;
  const float* values_;
  std::byte *grids_, *flags_, *turned_;
  Tile tile_;
};

std::uint32_t low_at(const std::byte* body, std::uint64_t image) {
  std::uint32_t low = 0;
  std::memcpy(&low, body + image * sizeof low, sizeof low);
  return low;
}

std::uint64_t pivot_bytes(const TileLayout& layout, const std::byte* body, std::uint64_t image) {
  const std::byte* const turned = body + layout.turned() + image * layout.turned_bytes();
  std::uint64_t count = 0;
  for (std::uint64_t i = 0; i < layout.turned_bytes(); ++i)
    count += static_cast<unsigned>(std::popcount(std::to_integer<unsigned>(turned[i])));
  return packed_bytes(count, TileLayout::pivot_bits);
}

// Codes and pivots of image `image`: offsets in the body.
std::uint64_t codes_at(const TileLayout& layout, const std::byte* body, std::uint64_t image) {
  std::uint64_t at = layout.codes();
  for (std::uint64_t i = 0; i < image; ++i) at += layout.code_bytes(low_at(body, i));
  return at;
}
std::uint64_t pivots_at(const TileLayout& layout, const std::byte* body, std::uint64_t image) {
  std::uint64_t at = codes_at(layout, body, layout.images);
  for (std::uint64_t i = 0; i < image; ++i) at += pivot_bytes(layout, body, i);
  return at;
}

void decode_image(const TileLayout& layout, const std::byte* body, std::uint64_t image,
                  float* values) {
  const std::byte* const grids = body + layout.grids() + image * layout.tiles() * sizeof(TileGrid);
  const std::byte* const flags = body + layout.flags() + image * layout.flag_bytes();
  const std::byte* const turned = body + layout.turned() + image * layout.turned_bytes();
  const std::byte* const codes = body + codes_at(layout, body, image);
  const std::byte* const pivots = body + pivots_at(layout, body, image);
  CodePlaces places(layout, flags, low_at(body, image));
  std::uint64_t pivot_bit = 0;
  Tile tile_values;
  each_tile(layout, [&](std::uint64_t token, std::uint64_t at, std::uint64_t number) {
    TileGrid grid;
    std::memcpy(&grid, grids + number * sizeof grid, sizeof grid);
    const auto place = places.next(token, at);
    tile_values.decode(codes + place.at, place.bits, grid, layout.tile_values(at));
    if (bit_at(turned, number)) {
      std::size_t pivot = 0;
      for (int bit = 0; bit < TileLayout::pivot_bits; ++bit)
        pivot |= std::size_t{bit_at(pivots, pivot_bit++)} << bit;
      tile_values.transform();
      std::swap(tile_values.values[0], tile_values.values[pivot]);
    }
    std::memcpy(values + token * layout.dim + at * tile, tile_values.values.data(),
                tile_values.count * sizeof(float));
  });
}

}  // namespace

void encode_tiles(ThreadPool& pool, const TileLayout& layout, const float* values,
                  std::uint64_t* keys, std::byte* body) {
  const std::uint64_t units = layout.units();
  const auto low = static_cast<std::uint32_t>(units / 5);
  for (std::uint64_t image = 0; image < layout.images; ++image)
    std::memcpy(body + image * sizeof low, &low, sizeof low);
  // Each image's pivots have room for all tiles, and are moved together at the end.
  const std::uint64_t pivots = layout.codes() + layout.images * layout.code_bytes(low);
  const std::uint64_t room = packed_bytes(layout.tiles(), TileLayout::pivot_bits);
  pool.parallel_for(static_cast<std::int64_t>(layout.images), [&](std::int64_t i, int worker) {
    const auto image = static_cast<std::size_t>(i);
    ImageEncoder encoder(layout, values, body, image);
    encoder.flag_low(low, keys + static_cast<std::size_t>(worker) * units);
    encoder.write_codes(low, body + layout.codes() + image * layout.code_bytes(low),
                        body + pivots + image * room);
  });
  std::uint64_t end = pivots;
  for (std::uint64_t image = 0; image < layout.images; ++image) {
    const std::uint64_t bytes = pivot_bytes(layout, body, image);
    std::memmove(body + end, body + pivots + image * room, bytes);
    end += bytes;
  }
}

void decode_tiles(ThreadPool& pool, const TileLayout& layout, const std::byte* body,
                  float* values) {
  pool.parallel_for(static_cast<std::int64_t>(layout.images), [&](std::int64_t i, int) {
    const auto image = static_cast<std::uint64_t>(i);
    decode_image(layout, body, image, values + image * layout.tokens * layout.dim);
  });
}

}  // namespace quantring::cpu
