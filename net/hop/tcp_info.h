#pragma once
// What the kernel counts of a TCP connection (TCP_INFO of Linux), as far as the bandwidth meter
// needs it. Internal to net.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace quantring::net {

struct TcpInfo {
  std::uint64_t delivered_bytes = 0;  // acknowledged, also selectively; since the connection began
  std::uint64_t unsent_bytes = 0;     // given to the kernel, and still there
  // Microseconds in which the peer's receive window, or our own send buffer, held the kernel back.
  // Counted in ticks of the kernel (1 to 10 ms).
  std::uint64_t receiver_limited_us = 0, buffer_limited_us = 0;
  bool paced = false;               // by SO_MAX_PACING_RATE: what waits, waits for our own pace
  std::uint32_t segment_bytes = 0;  // payload of a full packet
  std::uint32_t rtt_us = 0, min_rtt_us = 0;       // smoothed, least seen
  std::uint32_t unacked_packets = 0, window = 0;  // in flight, and how many may be (cwnd)
};

// Nothing when the kernel does not count all of it (before Linux 4.10).
std::optional<TcpInfo> read_tcp_info(int socket);

// The same from the bytes of a struct tcp_info, which older kernels make shorter.
std::optional<TcpInfo> parse_tcp_info(std::span<const std::byte> bytes);

}  // namespace quantring::net
