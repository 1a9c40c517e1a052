#pragma once
// The unit of transfer of a hop: a header of fixed size, little-endian on every machine, then the
// payload. The whole header is checked before memory for the payload is allocated.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "net/wire/message.h"

namespace quantring::net {

inline constexpr std::uint32_t frame_magic = 0x474E5251;  // "QRNG" in the order of the wire
inline constexpr std::uint16_t protocol_version = 1;

enum class FrameKind : std::uint8_t {
  hello = 1,      // first frame of each end; payload: Hello as JSON
  tensor = 2,     // a Message to a stage
  result = 3,     // a Message to the head
  credit = 4,     // request_id: number of frames that may be sent in addition; no payload
  heartbeat = 5,  // no payload
  control = 6,    // codec: the ControlType; payload: its JSON
  error = 7,      // payload: one line of text; the link ends
};

// On the wire, byte by byte:
//   0 magic u32 | 4 protocol version u16 | 6 kind u8 | 7 codec u8 | 8 bits u8 | 9 flags u8 (none
//   yet: 0)
//  10 zero u16  | 12 epoch u32 | 16 request id u64 | 24 images u32 | 28 tokens u32 | 32 dim u32
//  36 scale f32 | 40 offset f32 | 44 payload length u32 | 48 CRC-32C of the payload | 52 CRC-32C of
//  0..51
// Magic and version keep their places in every version, so that any two builds can name their
// mismatch.
inline constexpr std::size_t frame_header_bytes = 56;
static_assert(frame_header_bytes <= 64);

struct FrameHeader {
  FrameKind kind = FrameKind::heartbeat;
  std::uint8_t codec = 0, bits = 0, flags = 0;
  std::uint32_t epoch = 0;  // of the plan
  std::uint64_t request_id = 0;
  std::uint32_t images = 0, tokens = 0, dim = 0;
  float scale = 0, offset = 0;
  std::uint32_t payload_length = 0;  // bytes
  std::uint32_t payload_crc = 0;
};

struct Frame {
  FrameHeader header;
  std::vector<std::byte> payload;
};

using HeaderBytes = std::array<std::byte, frame_header_bytes>;

// Bytes: max_payload_bytes for tensors and results, 1 MiB for hello, control and error, 0 for the
// rest.
std::uint64_t payload_limit(FrameKind kind);

HeaderBytes write_header(const FrameHeader& header);
// Empty when the bytes are a valid header, which is then in `out`; else the reason, for a person.
std::string read_header(std::span<const std::byte, frame_header_bytes> bytes, FrameHeader& out);

// Sets length and CRC from the payload.
Frame make_frame(FrameHeader header, std::vector<std::byte> payload);
bool payload_intact(const Frame& frame);  // length and CRC

Frame text_frame(FrameHeader header, const std::string& payload);
std::string payload_text(const Frame& frame);

Frame message_frame(FrameKind kind, std::uint32_t epoch, Message&& message);
Message frame_message(Frame&& frame);

}  // namespace quantring::net
