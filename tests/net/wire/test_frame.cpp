#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "net/wire/crc32c.h"
#include "net/wire/frame.h"
#include "tests/support/texts.h"

namespace quantring::net {
namespace {

using test::contains;

FrameHeader full_header() {
  FrameHeader header;
  header.kind = FrameKind::tensor;
  header.codec = 3;
  header.bits = 6;
  header.epoch = 0x01020304;
  header.request_id = 0x1112131415161718;
  header.images = 0x21222324;
  header.tokens = 0x31323334;
  header.dim = 0x41424344;
  header.scale = 1.5f;
  header.offset = -0.25f;
  header.payload_length = 0x01060504;
  header.payload_crc = 0x71727374;
  return header;
}

// Corrects the header's checksum after a change.
void sign(HeaderBytes& bytes) {
  const std::uint32_t crc = crc32c({bytes.data(), 52});
  for (std::size_t i = 0; i < 4; ++i) bytes[52 + i] = static_cast<std::byte>(crc >> (8 * i));
}

std::string read_error(const HeaderBytes& bytes) {
  FrameHeader header;
  return read_header(bytes, header);
}

TEST_CASE("frame: the bytes on the wire") {
  const HeaderBytes bytes = write_header(full_header());
  const unsigned char expected[52] = {
      'Q',  'R',  'N',  'G',                            // magic
      1,    0,    2,    3,    6,    0,    0,    0,      // version, kind, codec, bits, flags, zero
      0x04, 0x03, 0x02, 0x01,                           // epoch
      0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,   // request id
      0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31,   // images, tokens
      0x44, 0x43, 0x42, 0x41,                           // dim
      0x00, 0x00, 0xC0, 0x3F, 0x00, 0x00, 0x80, 0xBE,   // 1.5, -0.25
      0x04, 0x05, 0x06, 0x01, 0x74, 0x73, 0x72, 0x71};  // length, payload's checksum
  for (std::size_t i = 0; i < 52; ++i) {
    CAPTURE(i);
    CHECK(std::to_integer<int>(bytes[i]) == expected[i]);
  }
}

TEST_CASE("frame: a header survives writing and reading") {
  std::mt19937 engine(11);
  const auto random = [&engine] { return static_cast<std::uint32_t>(engine()); };
  for (int run = 0; run < 1000; ++run) {
    FrameHeader in = full_header();
    in.kind = static_cast<FrameKind>(1 + random() % 7);
    in.codec = static_cast<std::uint8_t>(random());
    in.bits = static_cast<std::uint8_t>(random());
    in.epoch = random();
    in.request_id = std::uint64_t{random()} << 32 | random();
    in.images = random();
    in.tokens = random();
    in.dim = random();
    in.scale = std::bit_cast<float>(random());
    in.offset = std::bit_cast<float>(random());
    in.payload_length = static_cast<std::uint32_t>(random() % (payload_limit(in.kind) + 1));
    in.payload_crc = random();
    FrameHeader out;
    REQUIRE(read_header(write_header(in), out) == "");
    CHECK(out.kind == in.kind);
    CHECK(out.codec == in.codec);
    CHECK(out.bits == in.bits);
    CHECK(out.epoch == in.epoch);
    CHECK(out.request_id == in.request_id);
    CHECK(out.images == in.images);
    CHECK(out.tokens == in.tokens);
    CHECK(out.dim == in.dim);
    CHECK(std::bit_cast<std::uint32_t>(out.scale) == std::bit_cast<std::uint32_t>(in.scale));
    CHECK(std::bit_cast<std::uint32_t>(out.offset) == std::bit_cast<std::uint32_t>(in.offset));
    CHECK(out.payload_length == in.payload_length);
    CHECK(out.payload_crc == in.payload_crc);
  }
}

TEST_CASE("frame: every flipped bit of a header is detected") {
  const HeaderBytes good = write_header(full_header());
  CHECK(read_error(good).empty());
  for (std::size_t bit = 0; bit < 8 * frame_header_bytes; ++bit) {
    CAPTURE(bit);
    HeaderBytes bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    CHECK_FALSE(read_error(bad).empty());
  }
}

TEST_CASE("frame: each defect has its text") {
  const HeaderBytes good = write_header(full_header());
  HeaderBytes bytes = good;
  bytes[0] = std::byte{'G'};
  CHECK(read_error(bytes) == "wrong magic: is this a QuantRing port?");

  // Checked before the checksum: another version may have another layout.
  bytes = good;
  bytes[4] = std::byte{3};
  CHECK(read_error(bytes) ==
        "protocol version 3, this build speaks 1: install the same version on both");

  bytes = good;
  bytes[20] ^= std::byte{1};
  CHECK(contains(read_error(bytes), "checksum is wrong"));

  for (const int kind : {0, 8, 255}) {
    bytes = good;
    bytes[6] = static_cast<std::byte>(kind);
    sign(bytes);
    CHECK(contains(read_error(bytes), "is unknown"));
  }

  bytes = good;
  bytes[9] = std::byte{1};
  sign(bytes);
  CHECK(contains(read_error(bytes), "flags"));

  bytes = good;
  bytes[11] = std::byte{1};
  sign(bytes);
  CHECK(contains(read_error(bytes), "not zero"));
}

TEST_CASE("frame: the payload length is limited by kind") {
  const std::pair<FrameKind, std::uint64_t> limits[] = {
      {FrameKind::hello, 1 << 20}, {FrameKind::tensor, 256u << 20}, {FrameKind::result, 256u << 20},
      {FrameKind::credit, 0},      {FrameKind::heartbeat, 0},       {FrameKind::control, 1 << 20},
      {FrameKind::error, 1 << 20},
  };
  for (const auto& [kind, limit] : limits) {
    CAPTURE(static_cast<int>(kind));
    FrameHeader header = full_header();
    header.kind = kind;
    header.payload_length = static_cast<std::uint32_t>(limit);
    CHECK(read_error(write_header(header)).empty());
    header.payload_length = static_cast<std::uint32_t>(limit + 1);
    CHECK(contains(read_error(write_header(header)), "the limit for its kind"));
    header.payload_length = UINT32_MAX;
    CHECK(contains(read_error(write_header(header)), "the limit for its kind"));
  }
}

TEST_CASE("frame: a failed read does not change the output") {
  FrameHeader header = full_header();
  HeaderBytes bytes = write_header(header);
  bytes[30] ^= std::byte{4};
  header.images = 77;
  read_header(bytes, header);
  CHECK(header.images == 77);
}

TEST_CASE("frame: a message survives, and a damaged payload is detected") {
  Message in;
  in.codec = 3;
  in.bits = 5;
  in.request_id = 99;
  in.images = 2;
  in.tokens = 197;
  in.dim = 192;
  in.scale = 3.5f;
  in.offset = -1;
  in.payload = {std::byte{1}, std::byte{2}, std::byte{3}};
  Frame frame = message_frame(FrameKind::result, 4, Message(in));
  CHECK(frame.header.epoch == 4);
  CHECK(frame.header.kind == FrameKind::result);
  REQUIRE(payload_intact(frame));
  Frame damaged = frame;
  damaged.payload[1] ^= std::byte{1};
  CHECK_FALSE(payload_intact(damaged));
  damaged = frame;
  damaged.payload.pop_back();
  CHECK_FALSE(payload_intact(damaged));
  const Message out = frame_message(std::move(frame));
  CHECK(out.codec == in.codec);
  CHECK(out.bits == in.bits);
  CHECK(out.request_id == in.request_id);
  CHECK(out.images == in.images);
  CHECK(out.tokens == in.tokens);
  CHECK(out.dim == in.dim);
  CHECK(out.scale == in.scale);
  CHECK(out.offset == in.offset);
  CHECK(out.payload == in.payload);
}

}  // namespace
}  // namespace quantring::net
