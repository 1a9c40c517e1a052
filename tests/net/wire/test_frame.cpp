#include <doctest/doctest.h>

#include <random>
#include <utility>

#include "net/wire/crc32c.h"
#include "net/wire/frame.h"
#include "tests/support/texts.h"

namespace quantring::net {
namespace {

using test::contains;

FrameHeader full_header() {
  FrameHeader header;
  header.kind = FrameKind::control;
  header.control = 3;
  header.epoch = 0x01020304;
  header.request_id = 0x1112131415161718;
  header.images = 0x21222324;
  header.payload_length = 0x00060504;
  header.payload_crc = 0x71727374;
  return header;
}

// Corrects the header's checksum after a change.
void sign(HeaderBytes& bytes) {
  const std::uint32_t crc = crc32c({bytes.data(), 36});
  for (std::size_t i = 0; i < 4; ++i) bytes[36 + i] = static_cast<std::byte>(crc >> (8 * i));
}

std::string read_error(const HeaderBytes& bytes) {
  FrameHeader header;
  return read_header(bytes, header);
}

TEST_CASE("frame: the bytes on the wire") {
  const HeaderBytes bytes = write_header(full_header());
  const unsigned char expected[36] = {
      'Q',  'R',  'N',  'G',                           // magic
      2,    0,    6,    3,    0,    0,    0,    0,     // version, kind, control, flags, attempt
      0x04, 0x03, 0x02, 0x01,                          // epoch
      0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,  // request id
      0x24, 0x23, 0x22, 0x21, 0x04, 0x05, 0x06, 0x00,  // images, length
      0x74, 0x73, 0x72, 0x71};                         // payload's checksum
  for (std::size_t i = 0; i < 36; ++i) {
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
    in.control = in.kind == FrameKind::control ? static_cast<std::uint8_t>(random()) : 0;
    in.epoch = random();
    in.request_id = std::uint64_t{random()} << 32 | random();
    in.images = random();
    in.payload_length = static_cast<std::uint32_t>(random() % (payload_limit(in.kind) + 1));
    in.payload_crc = random();
    FrameHeader out;
    REQUIRE(read_header(write_header(in), out) == "");
    CHECK(out.kind == in.kind);
    CHECK(out.control == in.control);
    CHECK(out.epoch == in.epoch);
    CHECK(out.request_id == in.request_id);
    CHECK(out.images == in.images);
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
        "speaks protocol version 3, this build speaks 2: install the same version on both");

  bytes = good;
  bytes[20] ^= std::byte{1};
  CHECK(contains(read_error(bytes), "checksum is wrong"));

  for (const int kind : {0, 8, 255}) {
    bytes = good;
    bytes[6] = static_cast<std::byte>(kind);
    sign(bytes);
    CHECK(contains(read_error(bytes), "is unknown"));
  }

  const std::pair<std::size_t, const char*> unused[] = {{8, "flags 0x1 are unknown"},
                                                        {10, "attempt 1 is not supported"}};
  for (const auto& [at, text] : unused) {
    bytes = good;
    bytes[at] = std::byte{1};
    sign(bytes);
    CHECK(contains(read_error(bytes), text));
  }
  bytes = good;
  bytes[6] = static_cast<std::byte>(FrameKind::tensor);
  sign(bytes);
  CHECK(contains(read_error(bytes), "no control message"));
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
    header.control = 0;
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
  bytes[25] ^= std::byte{4};
  header.images = 77;
  read_header(bytes, header);
  CHECK(header.images == 77);
}

TEST_CASE("frame: a message survives, and a damaged payload is detected") {
  Message in;
  in.request_id = 99;
  in.images = 2;
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
  CHECK(out.request_id == in.request_id);
  CHECK(out.images == in.images);
  CHECK(out.payload == in.payload);
}

}  // namespace
}  // namespace quantring::net
