#pragma once
// The kernel's counters of a TCP connection (TCP_INFO of Linux) that the bandwidth meter needs.
// Internal to net.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace quantring::net {

struct TcpInfo {
  std::uint64_t delivered_bytes = 0;  // acknowledged, also selectively; since the connection began
  std::uint64_t unsent_bytes = 0;     // in the kernel, not sent yet
  // Microseconds in which the peer's receive window, or our own send buffer, limited sending.
  // Counted in ticks of the kernel (1 to 10 ms).
  std::uint64_t receiver_limited_us = 0, buffer_limited_us = 0;
  bool paced = false;               // by SO_MAX_PACING_RATE: unsent bytes wait for our own pace
  std::uint32_t segment_bytes = 0;  // payload of a full packet
  std::uint32_t rtt_us = 0, min_rtt_us = 0;       // smoothed, minimum
  std::uint32_t unacked_packets = 0, window = 0;  // in flight, and their limit (cwnd)
};

// Nothing when the kernel lacks a field (before Linux 4.10).
std::optional<TcpInfo> read_tcp_info(int socket);

// From the bytes of a struct tcp_info, which is shorter in older kernels.
std::optional<TcpInfo> parse_tcp_info(std::span<const std::byte> bytes);

}  // namespace quantring::net
