#pragma once
// What the ring carries: a few numbers that describe a tensor, and bytes that only the app
// understands.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quantring::net {

struct Message {
  std::uint8_t codec = 0;  // id of the codec; the receiver must have listed it in its hello
  std::uint8_t bits = 0;   // bit width of the codec
  // Counts 0, 1, 2 ... in a session. RingHead::submit sets it; a stage's output inherits its
  // input's.
  std::uint64_t request_id = 0;
  std::uint32_t images = 0, tokens = 0, dim = 0;
  float scale = 0, offset = 0;  // of the clip, where the codec has one for the whole tensor
  std::vector<std::byte> payload;

  std::uint64_t elements() const { return std::uint64_t{images} * tokens * dim; }
};

// A payload longer than this is refused by both ends, in bytes.
inline constexpr std::uint64_t max_payload_bytes = std::uint64_t{256} << 20;

}  // namespace quantring::net
