#include "ops/coding/bit_packing.h"

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "ops/base/error.h"

namespace quantring {
namespace {

static_assert(std::endian::native == std::endian::little, "words are packed by memcpy");

// Eight codes always fill whole bytes (`Bits` of them), so codes are packed in groups of eight. A
// group is loaded as one or two 64-bit words of equal lanes, and the gaps between lanes are closed
// pairwise: lanes of 2n bits, then 4n, then 8n. No branches or tables, the same few shifts for
// every width.
constexpr std::size_t group = 8;

// 8 lanes of 8 bits holding Bits each -> 8 * Bits bits without gaps.
template <int Bits>
std::uint64_t close_bytes(std::uint64_t x) {
  x = (x & 0x00FF00FF00FF00FF) | ((x & 0xFF00FF00FF00FF00) >> (8 - Bits));
  x = (x & 0x0000FFFF0000FFFF) | ((x & 0xFFFF0000FFFF0000) >> (16 - 2 * Bits));
  return (x & 0x00000000FFFFFFFF) | ((x & 0xFFFFFFFF00000000) >> (32 - 4 * Bits));
}

template <int Bits>
std::uint64_t open_bytes(std::uint64_t x) {
  constexpr std::uint64_t four = (std::uint64_t{1} << (4 * Bits)) - 1;
  constexpr std::uint64_t two = ((std::uint64_t{1} << (2 * Bits)) - 1) * 0x0000000100000001;
  constexpr std::uint64_t one = ((std::uint64_t{1} << Bits) - 1) * 0x0001000100010001;
  x = (x & four) | ((x & ~four) << (32 - 4 * Bits));
  x = (x & two) | ((x & ~two) << (16 - 2 * Bits));
  x = (x & one) | ((x & ~one) << (8 - Bits));
  return x & ((std::uint64_t{1} << Bits) - 1) * 0x0101010101010101;
}

// 4 lanes of 16 bits holding Bits each -> 4 * Bits bits without gaps.
template <int Bits>
std::uint64_t close_halves(std::uint64_t x) {
  x = (x & 0x0000FFFF0000FFFF) | ((x & 0xFFFF0000FFFF0000) >> (16 - Bits));
  return (x & 0x00000000FFFFFFFF) | ((x & 0xFFFFFFFF00000000) >> (32 - 2 * Bits));
}

template <int Bits>
std::uint64_t open_halves(std::uint64_t x) {
  constexpr std::uint64_t two = (std::uint64_t{1} << (2 * Bits)) - 1;
  constexpr std::uint64_t one = ((std::uint64_t{1} << Bits) - 1) * 0x0000000100000001;
  x = (x & two) | ((x & ~two) << (32 - 2 * Bits));
  x = (x & one) | ((x & ~one) << (16 - Bits));
  return x & ((std::uint64_t{1} << Bits) - 1) * 0x0001000100010001;
}

template <int Bits>
void pack_group(const std::uint8_t* codes, std::byte* packed) {
  std::uint64_t word = 0;
  std::memcpy(&word, codes, sizeof word);
  word = close_bytes<Bits>(word);
  std::memcpy(packed, &word, Bits);
}

template <int Bits>
void unpack_group(const std::byte* packed, std::uint8_t* codes) {
  std::uint64_t word = 0;
  std::memcpy(&word, packed, Bits);
  word = open_bytes<Bits>(word);
  std::memcpy(codes, &word, sizeof word);
}

template <int Bits>
void pack_group(const std::uint16_t* codes, std::byte* packed) {
  std::uint64_t words[2];
  std::memcpy(words, codes, sizeof words);
  const std::uint64_t low = close_halves<Bits>(words[0]), high = close_halves<Bits>(words[1]);
  if constexpr (Bits == 16) {
    words[0] = low;
    words[1] = high;
  } else {
    words[0] = low | high << (4 * Bits);
    words[1] = high >> (64 - 4 * Bits);
  }
  std::memcpy(packed, words, Bits);
}

template <int Bits>
void unpack_group(const std::byte* packed, std::uint16_t* codes) {
  std::uint64_t words[2] = {0, 0};
  std::memcpy(words, packed, Bits);
  if constexpr (Bits != 16) {
    constexpr std::uint64_t low = (std::uint64_t{1} << (4 * Bits)) - 1;
    words[1] = (words[0] >> (4 * Bits) | words[1] << (64 - 4 * Bits)) & low;
    words[0] &= low;
  }
  words[0] = open_halves<Bits>(words[0]);
  words[1] = open_halves<Bits>(words[1]);
  std::memcpy(codes, words, sizeof words);
}

template <int Bits, typename Code>
void pack_all(const Code* codes, std::size_t count, std::byte* packed) {
  const std::size_t whole = count / group, rest = count % group;
  for (std::size_t i = 0; i < whole; ++i) pack_group<Bits>(codes + i * group, packed + i * Bits);
  if (rest == 0) return;
  std::array<Code, group> last{};
  std::array<std::byte, Bits> bytes{};
  std::memcpy(last.data(), codes + whole * group, rest * sizeof(Code));
  pack_group<Bits>(last.data(), bytes.data());
  std::memcpy(packed + whole * Bits, bytes.data(), packed_bytes(rest, Bits));
}

template <int Bits, typename Code>
void unpack_all(const std::byte* packed, Code* codes, std::size_t count) {
  const std::size_t whole = count / group, rest = count % group;
  for (std::size_t i = 0; i < whole; ++i) unpack_group<Bits>(packed + i * Bits, codes + i * group);
  if (rest == 0) return;
  std::array<Code, group> last{};
  std::array<std::byte, Bits> bytes{};
  std::memcpy(bytes.data(), packed + whole * Bits, packed_bytes(rest, Bits));
  unpack_group<Bits>(bytes.data(), last.data());
  std::memcpy(codes + whole * group, last.data(), rest * sizeof(Code));
}

// Calls work<bits>() with a run-time width as a template argument.
template <int MaxBits, typename Work>
void with_width(int bits, std::uint64_t count, std::uint64_t bytes, const Work& work) {
  if (bits < 1 || bits > MaxBits)
    throw Error("cannot pack codes of " + std::to_string(bits) + " bits: 1 to " +
                std::to_string(MaxBits) + " are possible");
  if (bytes != packed_bytes(count, bits))
    throw Error(std::to_string(count) + " codes of " + std::to_string(bits) + " bits take " +
                std::to_string(packed_bytes(count, bits)) + " bytes, not " + std::to_string(bytes));
  [&]<int... I>(std::integer_sequence<int, I...>) {
    ((bits == I + 1 ? work.template operator()<I + 1>() : void()), ...);
  }
  (std::make_integer_sequence<int, MaxBits>{});
}

template <int MaxBits, typename Code>
void pack(std::span<const Code> codes, int bits, std::span<std::byte> packed) {
  with_width<MaxBits>(bits, codes.size(), packed.size(), [&]<int Bits>() {
    pack_all<Bits>(codes.data(), codes.size(), packed.data());
  });
}

template <int MaxBits, typename Code>
void unpack(std::span<const std::byte> packed, int bits, std::span<Code> codes) {
  with_width<MaxBits>(bits, codes.size(), packed.size(), [&]<int Bits>() {
    unpack_all<Bits>(packed.data(), codes.data(), codes.size());
  });
}

}  // namespace

void pack_codes(std::span<const std::uint8_t> codes, int bits, std::span<std::byte> packed) {
  pack<8>(codes, bits, packed);
}

void pack_codes(std::span<const std::uint16_t> codes, int bits, std::span<std::byte> packed) {
  pack<16>(codes, bits, packed);
}

void unpack_codes(std::span<const std::byte> packed, int bits, std::span<std::uint8_t> codes) {
  unpack<8>(packed, bits, codes);
}

void unpack_codes(std::span<const std::byte> packed, int bits, std::span<std::uint16_t> codes) {
  unpack<16>(packed, bits, codes);
}

}  // namespace quantring
