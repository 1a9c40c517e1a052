#include "engine/codec_ptq.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/bit_packing.h"

namespace quantring {
namespace {

using Limits = std::numeric_limits<float>;

// Codes wait here between the arithmetic and the packing: small enough for the first cache, and a
// multiple of 8 so that every block of codes ends on a byte.
constexpr std::size_t block = 1024;

// Independent minima and maxima, so that the compiler may use vector registers without reordering.
constexpr std::size_t lanes = 32;

struct Extremes {
  float low = Limits::infinity();
  float high = -Limits::infinity();
};

// Comparisons with NaN are false, so NaN is passed over. Infinities are not.
Extremes extremes(std::span<const float> values) {
  std::array<float, lanes> low{}, high{};
  low.fill(Limits::infinity());
  high.fill(-Limits::infinity());
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

Extremes finite_extremes(std::span<const float> values) {
  Extremes all;
  for (const float x : values) {
    if (!std::isfinite(x)) continue;
    all.low = std::min(all.low, x);
    all.high = std::max(all.high, x);
  }
  return all;
}

// Adding 2^23 to 0 <= y < 2^16 leaves no room for a fraction: the sum is rounded to an integer,
// half to even, which stands in its low bits. Unlike rint() this needs no instruction beyond the
// basic ones.
//
// The clamp stands after the multiplication on purpose: it turns NaN and infinity into codes, and
// it keeps product and sum apart, which a compiler may otherwise fuse (one rounding less, other
// codes on ARM).
template <typename Code>
void quantize(const float* values, std::size_t count, PtqRange range, float top, Code* codes) {
  for (std::size_t i = 0; i < count; ++i) {
    float y = (values[i] - range.offset) / range.scale * top;
    y = y > 0.0F ? y : 0.0F;
    y = y < top ? y : top;
    codes[i] = static_cast<Code>(std::bit_cast<std::uint32_t>(y + 8388608.0F));
  }
}

// code / top * scale never exceeds scale; the clamp is there to keep product and sum apart, as
// above.
template <typename Code>
void dequantize(const Code* codes, std::size_t count, PtqRange range, float top, float* values) {
  for (std::size_t i = 0; i < count; ++i) {
    float y = static_cast<float>(static_cast<std::int32_t>(codes[i])) / top * range.scale;
    y = y < range.scale ? y : range.scale;
    values[i] = y + range.offset;
  }
}

template <typename Code>
void encode_blocks(std::span<const float> values, PtqRange range, int bits,
                   std::span<std::byte> packed) {
  const float top = static_cast<float>((1 << bits) - 1);
  std::array<Code, block> codes{};
  std::size_t at = 0;
  for (std::size_t first = 0; first < values.size(); first += block) {
    const std::size_t count = std::min(block, values.size() - first);
    const std::size_t bytes = packed_bytes(count, bits);
    quantize(values.data() + first, count, range, top, codes.data());
    pack_codes(std::span<const Code>(codes.data(), count), bits, packed.subspan(at, bytes));
    at += bytes;
  }
}

template <typename Code>
void decode_blocks(std::span<const std::byte> packed, PtqRange range, int bits,
                   std::span<float> values) {
  const float top = static_cast<float>((1 << bits) - 1);
  std::array<Code, block> codes{};
  std::size_t at = 0;
  for (std::size_t first = 0; first < values.size(); first += block) {
    const std::size_t count = std::min(block, values.size() - first);
    const std::size_t bytes = packed_bytes(count, bits);
    unpack_codes(packed.subspan(at, bytes), bits, std::span<Code>(codes.data(), count));
    dequantize(codes.data(), count, range, top, values.data() + first);
    at += bytes;
  }
}

}  // namespace

PtqRange ptq_range(std::span<const float> values) {
  Extremes found = extremes(values);
  if (!std::isfinite(found.low) || !std::isfinite(found.high)) found = finite_extremes(values);
  if (found.low > found.high) return {};
  // Adding +0 turns -0 into +0: which of the two zeros a minimum finds depends on the order of
  // search.
  PtqRange range{.scale = found.high - found.low, .offset = found.low + 0.0F};
  if (range.scale == 0.0F) range.scale = 0.0F;
  if (std::isinf(range.scale)) {
    range.scale = Limits::max();
    range.offset = found.low / 2 + found.high / 2 - Limits::max() / 2;
  }
  return range;
}

void ptq_encode(std::span<const float> values, PtqRange range, int bits,
                std::span<std::byte> codes) {
  if (range.scale == 0.0F) {
    std::fill(codes.begin(), codes.end(), std::byte{0});
  } else if (bits <= 8) {
    encode_blocks<std::uint8_t>(values, range, bits, codes);
  } else {
    encode_blocks<std::uint16_t>(values, range, bits, codes);
  }
}

void ptq_decode(std::span<const std::byte> codes, PtqRange range, int bits,
                std::span<float> values) {
  if (bits <= 8) {
    decode_blocks<std::uint8_t>(codes, range, bits, values);
  } else {
    decode_blocks<std::uint16_t>(codes, range, bits, values);
  }
}

}  // namespace quantring
