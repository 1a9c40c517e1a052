#pragma once
// Dense packing of small unsigned codes: code i takes bits [i*bits, (i+1)*bits) of the byte string,
// least significant bit first, so 3 bits cost 3 bits. Unused bits of the last byte are zero.

#include <cstddef>
#include <cstdint>
#include <span>

namespace quantring {

// Bytes that `count` codes of `bits` (1..16) take.
constexpr std::uint64_t packed_bytes(std::uint64_t count, int bits) {
  return count / 8 * static_cast<unsigned>(bits) +
         (count % 8 * static_cast<unsigned>(bits) + 7) / 8;
}

// codes: each below 2^bits (not checked: higher bits would corrupt the next code).
// packed: exactly packed_bytes(codes.size(), bits) long, else throws Error; so does a width outside
// 1..8 (byte codes) or 1..16. Nothing outside either span is touched.
void pack_codes(std::span<const std::uint8_t> codes, int bits, std::span<std::byte> packed);
void pack_codes(std::span<const std::uint16_t> codes, int bits, std::span<std::byte> packed);

// The inverse, with the same conditions. Any byte string decodes to codes below 2^bits.
void unpack_codes(std::span<const std::byte> packed, int bits, std::span<std::uint8_t> codes);
void unpack_codes(std::span<const std::byte> packed, int bits, std::span<std::uint16_t> codes);

}  // namespace quantring
