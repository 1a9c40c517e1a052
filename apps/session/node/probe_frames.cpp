#include "apps/session/node/probe_frames.h"

#include <algorithm>
#include <cstdint>

namespace quantring {
namespace {

constexpr std::size_t first_bytes = 16 << 10, min_frame_bytes = 4 << 10, max_frame_bytes = 16 << 20;
constexpr std::size_t max_step = 4;  // factor from one length to the next
constexpr double frame_s = 0.15;

}  // namespace

std::size_t ProbeFrames::length(const net::LinkStats& link) {
  if (bytes_ == 0) {
    seen_ = link;
    return first_bytes;
  }
  // What was sent since the last choice.
  const std::uint64_t sent = link.wire_bytes - seen_.wire_bytes;
  if (sent < bytes_) return bytes_;
  const double seconds = std::max(link.sending_s - seen_.sending_s, 1e-4);
  seen_ = link;
  const double wanted = static_cast<double>(sent) / seconds * frame_s;
  return static_cast<std::size_t>(std::clamp(wanted, static_cast<double>(bytes_ / max_step),
                                             static_cast<double>(bytes_ * max_step)));
}

net::Message ProbeFrames::next(const net::LinkStats& link) {
  bytes_ = std::clamp(length(link), min_frame_bytes, max_frame_bytes);
  std::uint32_t state = 2463534242u + static_cast<std::uint32_t>(random_.size());  // xorshift32
  while (random_.size() < bytes_) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    random_.push_back(static_cast<std::byte>(state));
  }
  net::Message message;
  message.payload.assign(random_.begin(), random_.begin() + static_cast<std::ptrdiff_t>(bytes_));
  return message;
}

}  // namespace quantring
