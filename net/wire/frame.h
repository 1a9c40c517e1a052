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
inline constexpr std::uint16_t protocol_version = 2;

enum class FrameKind : std::uint8_t {
  hello = 1,      // first frame of each end; payload: Hello as JSON
  tensor = 2,     // a Message to a stage
  result = 3,     // a Message to the head
  credit = 4,     // request_id: number of frames that may be sent in addition; no payload
  heartbeat = 5,  // no payload
  control = 6,    // control: the ControlType; payload: its JSON
  error = 7,      // payload: one line of text; the link ends
};

// On the wire, byte by byte:
//   0 magic u32 | 4 protocol version u16 | 6 kind u8 | 7 control type u8 (0: no control message)
//   8 flags u16 (none yet: 0) | 10 attempt u16 (none yet: 0) | 12 epoch u32 | 16 request id u64
//  24 images u32 | 28 payload length u32 | 32 CRC-32C of the payload | 36 CRC-32C of 0..35
// Magic and version keep their places in every version, so that any two builds can name their
// mismatch.
inline constexpr std::size_t frame_header_bytes = 40;
static_assert(frame_header_bytes <= 64);

struct FrameHeader {
  FrameKind kind = FrameKind::heartbeat;
  std::uint8_t control = 0;   // ControlType of FrameKind::control
  std::uint16_t flags = 0;    // must be 0
  std::uint16_t attempt = 0;  // how often the request was sent before; must be 0
  std::uint32_t epoch = 0;    // of the plan
  std::uint64_t request_id = 0;
  std::uint32_t images = 0;
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
// Empty when the bytes are a valid header, which is then in `out`; else the reason, as text.
std::string read_header(std::span<const std::byte, frame_header_bytes> bytes, FrameHeader& out);

// Sets length and CRC from the payload.
Frame make_frame(FrameHeader header, std::vector<std::byte> payload);
bool payload_intact(const Frame& frame);  // length and CRC

Frame text_frame(FrameHeader header, const std::string& payload);
std::string payload_text(const Frame& frame);

Frame message_frame(FrameKind kind, std::uint32_t epoch, Message&& message);
Message frame_message(Frame&& frame);

}  // namespace quantring::net
