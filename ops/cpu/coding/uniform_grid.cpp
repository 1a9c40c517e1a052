#include "ops/cpu/coding/uniform_grid.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "ops/coding/bit_packing.h"

namespace quantring::cpu {
namespace {

using coding::Extremes;
using coding::infinity;

// Codes between arithmetic and packing: fits the L1 cache, and a multiple of 8 so that every block
// of codes ends on a byte.
constexpr std::size_t block = 1024;

// Independent minima and maxima, so that the compiler can vectorize without reordering.
constexpr std::size_t lanes = 32;

// Comparisons with NaN are false, so NaN is skipped. Infinities are not.
Extremes all_extremes(std::span<const float> values) {
  std::array<float, lanes> low{}, high{};
  low.fill(infinity);
  high.fill(-infinity);
  const std::size_t whole = values.size() / lanes * lanes;
  for (std::size_t i = 0; i < whole; i += lanes) {
    const float* x = values.data() + i;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      low[lane] = x[lane] < low[lane] ? x[lane] : low[lane];
      high[lane] = x[lane] > high[lane] ? x[lane] : high[lane];
    }
  }
  Extremes all;
  const auto add = [&all](float lowest, float highest) {
    if (lowest < all.low) all.low = lowest;
    if (highest > all.high) all.high = highest;
  };
  for (std::size_t lane = 0; lane < lanes; ++lane) add(low[lane], high[lane]);
  for (const float x : values.subspan(whole)) add(x, x);
  return all;
}

Extremes slow_finite_extremes(std::span<const float> values) {
  Extremes all;
  for (const float x : values) {
    if (!coding::is_finite(x)) continue;
    all.low = std::min(all.low, x);
    all.high = std::max(all.high, x);
  }
  return all;
}

// The clamp is after the multiplication on purpose: it turns NaN and infinity into codes, and it
// separates product and sum, which a compiler could otherwise fuse (different rounding on ARM).
template <typename Code>
void quantize_block(const float* values, std::size_t count, GridRange range, float top,
                    Code* codes) {
  for (std::size_t i = 0; i < count; ++i) {
    float y = (values[i] - range.offset) / range.scale * top;
    y = y > 0.0F ? y : 0.0F;
    y = y < top ? y : top;
    codes[i] = static_cast<Code>(std::bit_cast<std::uint32_t>(y + coding::round_unsigned));
  }
}

// code / top * scale never exceeds scale; the clamp separates product and sum, as above.
template <typename Code>
void dequantize_block(const Code* codes, std::size_t count, GridRange range, float top,
                      float* values) {
  for (std::size_t i = 0; i < count; ++i) {
    float y = static_cast<float>(static_cast<std::int32_t>(codes[i])) / top * range.scale;
    y = y < range.scale ? y : range.scale;
    values[i] = y + range.offset;
  }
}

template <typename Code>
void encode_blocks(std::span<const float> values, GridRange range, int bits,
                   std::span<std::byte> packed) {
  const float top = static_cast<float>((1 << bits) - 1);
  std::array<Code, block> codes{};
  std::size_t at = 0;
  for (std::size_t first = 0; first < values.size(); first += block) {
    const std::size_t count = std::min(block, values.size() - first);
    const std::size_t bytes = packed_bytes(count, bits);
    quantize_block(values.data() + first, count, range, top, codes.data());
    pack_codes(std::span<const Code>(codes.data(), count), bits, packed.subspan(at, bytes));
    at += bytes;
  }
}

template <typename Code>
void decode_blocks(std::span<const std::byte> packed, GridRange range, int bits,
                   std::span<float> values) {
  const float top = static_cast<float>((1 << bits) - 1);
  std::array<Code, block> codes{};
  std::size_t at = 0;
  for (std::size_t first = 0; first < values.size(); first += block) {
    const std::size_t count = std::min(block, values.size() - first);
    const std::size_t bytes = packed_bytes(count, bits);
    unpack_codes(packed.subspan(at, bytes), bits, std::span<Code>(codes.data(), count));
    dequantize_block(codes.data(), count, range, top, values.data() + first);
    at += bytes;
  }
}

}  // namespace

Extremes finite_extremes(std::span<const float> values) {
  const Extremes found = all_extremes(values);
  if (coding::is_finite(found.low) && coding::is_finite(found.high)) return found;
  return slow_finite_extremes(values);
}

void quantize(std::span<const float> values, GridRange range, int bits,
              std::span<std::byte> codes) {
  if (range.scale == 0.0F) {
    std::fill(codes.begin(), codes.end(), std::byte{0});
  } else if (bits <= 8) {
    encode_blocks<std::uint8_t>(values, range, bits, codes);
  } else {
    encode_blocks<std::uint16_t>(values, range, bits, codes);
  }
}

void dequantize(std::span<const std::byte> codes, GridRange range, int bits,
                std::span<float> values) {
  if (bits <= 8) {
    decode_blocks<std::uint8_t>(codes, range, bits, values);
  } else {
    decode_blocks<std::uint16_t>(codes, range, bits, values);
  }
}

}  // namespace quantring::cpu
