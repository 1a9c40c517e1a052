// Dense packing against a bit-by-bit reference, and its bounds checks.
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "ops/base/error.h"
#include "ops/coding/bit_packing.h"

namespace quantring {
namespace {

const std::size_t counts[] = {0, 1, 2, 7, 8, 9, 15, 63, 64, 65, 1023, 50 * 192};

// One bit at a time.
template <typename Code>
std::vector<std::byte> pack_slowly(const std::vector<Code>& codes, int bits) {
  std::vector<std::byte> bytes((codes.size() * bits + 7) / 8);
  for (std::size_t i = 0; i < codes.size(); ++i)
    for (int b = 0; b < bits; ++b)
      if ((codes[i] >> b & 1) != 0) bytes[(i * bits + b) / 8] |= std::byte(1 << (i * bits + b) % 8);
  return bytes;
}

template <typename Code>
std::vector<Code> random_codes(std::size_t count, int bits) {
  std::mt19937 random(static_cast<unsigned>(count * 17 + bits));
  std::vector<Code> codes(count);
  for (auto& code : codes) code = static_cast<Code>(random() & ((1U << bits) - 1));
  if (count >= 63) CHECK(std::set<Code>(codes.begin(), codes.end()).size() > 1);
  return codes;
}

template <typename Code>
void check_widths(int widest) {
  constexpr std::byte sentinel{0xA5};
  for (int bits = 1; bits <= widest; ++bits) {
    for (const std::size_t count : counts) {
      CAPTURE(bits);
      CAPTURE(count);
      const auto codes = random_codes<Code>(count, bits);
      const auto expected = pack_slowly(codes, bits);
      REQUIRE(packed_bytes(count, bits) == expected.size());

      // Exactly sized vectors let a sanitizer detect overruns; sentinels detect them without it.
      std::vector<std::byte> room(expected.size() + 16, sentinel);
      pack_codes(std::span<const Code>(codes), bits, std::span(room).subspan(8, expected.size()));
      CHECK(std::vector<std::byte>(room.begin() + 8, room.end() - 8) == expected);
      for (int i = 0; i < 8; ++i) {
        CHECK(room[i] == sentinel);
        CHECK(room[room.size() - 1 - i] == sentinel);
      }
      std::vector<std::byte> exact(expected.size());
      pack_codes(std::span<const Code>(codes), bits, exact);
      CHECK(exact == expected);

      std::vector<Code> back(count, static_cast<Code>(~0));
      unpack_codes(exact, bits, std::span<Code>(back));
      CHECK(back == codes);
    }
  }
}

TEST_CASE("byte codes of 1 to 8 bits are packed densely and come back") {
  check_widths<std::uint8_t>(8);
}

TEST_CASE("16-bit codes of 1 to 16 bits are packed densely and come back") {
  check_widths<std::uint16_t>(16);
}

TEST_CASE("three bits, written out by hand") {
  const std::vector<std::uint8_t> codes{0b101, 0b011, 0b110};
  std::vector<std::byte> packed(2);
  pack_codes(std::span<const std::uint8_t>(codes), 3, packed);
  CHECK(packed[0] == std::byte{0b10011101});
  CHECK(packed[1] == std::byte{0b00000001});
}

TEST_CASE("garbage in the unused bits of the last byte does not reach the codes") {
  const std::vector<std::byte> packed{std::byte{0xFF}};
  std::vector<std::uint8_t> codes(2);
  unpack_codes(packed, 3, std::span<std::uint8_t>(codes));
  CHECK(codes == std::vector<std::uint8_t>{7, 7});
}

TEST_CASE("wrong widths and lengths are refused") {
  std::vector<std::uint8_t> bytes(8);
  std::vector<std::uint16_t> halves(8);
  std::vector<std::byte> packed(9);
  const std::span<const std::uint8_t> const_bytes(bytes);
  const std::span<const std::uint16_t> const_halves(halves);
  CHECK_THROWS_AS(pack_codes(const_bytes, 0, packed), Error);
  CHECK_THROWS_AS(pack_codes(const_bytes, 9, packed), Error);
  CHECK_THROWS_AS(pack_codes(const_halves, 17, packed), Error);
  CHECK_THROWS_AS(pack_codes(const_halves, -1, packed), Error);
  CHECK_THROWS_AS(pack_codes(const_bytes, 8, packed), Error);
  CHECK_THROWS_AS(unpack_codes(packed, 8, std::span<std::uint8_t>(bytes)), Error);
  CHECK_THROWS_AS(unpack_codes(packed, 16, std::span<std::uint16_t>(halves)), Error);
}

}  // namespace
}  // namespace quantring
