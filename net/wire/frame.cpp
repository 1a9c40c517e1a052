#include "net/wire/frame.h"

#include <fmt/format.h>

#include <utility>

#include "net/wire/crc32c.h"

namespace quantring::net {
namespace {

constexpr std::uint64_t max_text_bytes = 1 << 20;
constexpr std::size_t crc_at = 36;
static_assert(crc_at + 4 == frame_header_bytes);
static_assert(max_payload_bytes <= UINT32_MAX);

template <typename T>
void put(HeaderBytes& bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
}

template <typename T>
T get(std::span<const std::byte, frame_header_bytes> bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  }
  return static_cast<T>(value);
}

}  // namespace

std::uint64_t payload_limit(FrameKind kind) {
  switch (kind) {
    case FrameKind::tensor:
    case FrameKind::result:
      return max_payload_bytes;
    case FrameKind::hello:
    case FrameKind::control:
    case FrameKind::error:
      return max_text_bytes;
    case FrameKind::credit:
    case FrameKind::heartbeat:
      return 0;
  }
  return 0;
}

HeaderBytes write_header(const FrameHeader& header) {
  HeaderBytes bytes{};
  put(bytes, 0, frame_magic);
  put(bytes, 4, protocol_version);
  put(bytes, 6, static_cast<std::uint8_t>(header.kind));
  put(bytes, 7, header.control);
  put(bytes, 8, header.flags);
  put(bytes, 10, header.attempt);
  put(bytes, 12, header.epoch);
  put(bytes, 16, header.request_id);
  put(bytes, 24, header.images);
  put(bytes, 28, header.payload_length);
  put(bytes, 32, header.payload_crc);
  put(bytes, crc_at, crc32c({bytes.data(), crc_at}));
  return bytes;
}

std::string read_header(std::span<const std::byte, frame_header_bytes> bytes, FrameHeader& out) {
  if (get<std::uint32_t>(bytes, 0) != frame_magic) return "wrong magic: is this a QuantRing port?";
  if (const auto version = get<std::uint16_t>(bytes, 4); version != protocol_version) {
    return fmt::format(
        "speaks protocol version {}, this build speaks {}: install the same version on both",
        version, protocol_version);
  }
  if (get<std::uint32_t>(bytes, crc_at) != crc32c(bytes.first<crc_at>())) {
    return "the header's checksum is wrong: the link damages data";
  }
  const auto kind = get<std::uint8_t>(bytes, 6);
  if (kind < static_cast<std::uint8_t>(FrameKind::hello) ||
      kind > static_cast<std::uint8_t>(FrameKind::error)) {
    return fmt::format("frame kind {} is unknown", kind);
  }
  FrameHeader header;
  header.kind = static_cast<FrameKind>(kind);
  header.control = get<std::uint8_t>(bytes, 7);
  if (header.control != 0 && header.kind != FrameKind::control) {
    return "a control type in a frame that is no control message";
  }
  header.flags = get<std::uint16_t>(bytes, 8);
  if (header.flags != 0) return fmt::format("frame flags {:#x} are unknown", header.flags);
  header.attempt = get<std::uint16_t>(bytes, 10);
  if (header.attempt != 0) return fmt::format("attempt {} is not supported", header.attempt);
  header.epoch = get<std::uint32_t>(bytes, 12);
  header.request_id = get<std::uint64_t>(bytes, 16);
  header.images = get<std::uint32_t>(bytes, 24);
  header.payload_length = get<std::uint32_t>(bytes, 28);
  header.payload_crc = get<std::uint32_t>(bytes, 32);
  if (const auto limit = payload_limit(header.kind); header.payload_length > limit) {
    return fmt::format("a payload of {} bytes, the limit for its kind is {}", header.payload_length,
                       limit);
  }
  out = header;
  return {};
}

Frame make_frame(FrameHeader header, std::vector<std::byte> payload) {
  header.payload_length = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(payload);
  return {header, std::move(payload)};
}

bool payload_intact(const Frame& frame) {
  return frame.payload.size() == frame.header.payload_length &&
         crc32c(frame.payload) == frame.header.payload_crc;
}

Frame text_frame(FrameHeader header, const std::string& payload) {
  const auto bytes = std::as_bytes(std::span(payload));
  return make_frame(header, {bytes.begin(), bytes.end()});
}

std::string payload_text(const Frame& frame) {
  return {reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size()};
}

Frame message_frame(FrameKind kind, std::uint32_t epoch, Message&& message) {
  FrameHeader header;
  header.kind = kind;
  header.epoch = epoch;
  header.request_id = message.request_id;
  header.images = message.images;
  return make_frame(header, std::move(message.payload));
}

Message frame_message(Frame&& frame) {
  return {frame.header.request_id, frame.header.images, std::move(frame.payload)};
}

}  // namespace quantring::net
