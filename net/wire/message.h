#pragma once
// What the ring carries: bytes that only the app understands.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quantring::net {

struct Message {
  // Counts 0, 1, 2 ... in a session. RingHead::submit sets it; a stage's output inherits its
  // input's.
  std::uint64_t request_id = 0;
  std::uint32_t images = 0;  // in the payload; net only counts them
  std::vector<std::byte> payload;
};

// A payload longer than this is refused by both ends, in bytes.
inline constexpr std::uint64_t max_payload_bytes = std::uint64_t{256} << 20;

}  // namespace quantring::net
