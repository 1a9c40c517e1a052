#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "net/wire/crc32c.h"

namespace quantring::net {
namespace {

std::vector<std::byte> bytes_from(int count, int first, int step) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(first + i * step));
  return bytes;
}

void check_both(const std::vector<std::byte>& bytes, std::uint32_t expected) {
  CHECK(crc32c(bytes) == expected);
  CHECK(crc32c_table(bytes) == expected);
}

TEST_CASE("crc32c: the vectors of RFC 3720, B.4") {
  check_both(bytes_from(32, 0x00, 0), 0x8A9136AA);
  check_both(bytes_from(32, 0xFF, 0), 0x62A8AB43);
  check_both(bytes_from(32, 0x00, 1), 0x46DD794E);
  check_both(bytes_from(32, 0x1F, -1), 0x113FDB5C);
  // An iSCSI Read (10) command PDU.
  std::vector<std::byte> pdu(48);
  pdu[0] = std::byte{0x01};
  pdu[1] = std::byte{0xC0};
  pdu[16] = std::byte{0x14};
  pdu[22] = std::byte{0x04};
  pdu[27] = std::byte{0x14};
  pdu[31] = std::byte{0x18};
  pdu[32] = std::byte{0x28};
  pdu[40] = std::byte{0x02};
  check_both(pdu, 0xD9963A56);
}

TEST_CASE("crc32c: the published check value, and no bytes") {
  const std::string digits = "123456789";
  const auto bytes = std::as_bytes(std::span(digits));
  check_both({bytes.begin(), bytes.end()}, 0xE3069283);
  check_both({}, 0);
}

TEST_CASE("crc32c: every length and alignment, whole and in parts, against a bitwise reference") {
  std::mt19937 random(3);
  std::vector<std::byte> bytes(300);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t length = 0; length + from <= bytes.size(); length += 1 + length / 8) {
      const std::span span(bytes.data() + from, length);
      std::uint32_t slow = ~0u;
      for (const std::byte byte : span) {
        slow ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) slow = (slow >> 1) ^ ((slow & 1) ? 0x82F63B78u : 0u);
      }
      slow = ~slow;
      REQUIRE(crc32c(span) == slow);
      REQUIRE(crc32c_table(span) == slow);
      const std::size_t middle = length / 3;
      REQUIRE(crc32c(span.subspan(middle), crc32c(span.first(middle))) == slow);
    }
  }
}

}  // namespace
}  // namespace quantring::net
