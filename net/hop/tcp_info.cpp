#include "net/hop/tcp_info.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace quantring::net {

std::optional<TcpInfo> parse_tcp_info(std::span<const std::byte> bytes) {
  // The last field that is read: a kernel that has it has the fields before it.
  if (bytes.size() <
      offsetof(tcp_info, tcpi_sndbuf_limited) + sizeof(tcp_info::tcpi_sndbuf_limited)) {
    return std::nullopt;
  }
  tcp_info raw{};
  std::memcpy(&raw, bytes.data(), std::min(bytes.size(), sizeof raw));
  TcpInfo info;
  info.delivered_bytes = raw.tcpi_bytes_acked + std::uint64_t{raw.tcpi_sacked} * raw.tcpi_snd_mss;
  info.unsent_bytes = raw.tcpi_notsent_bytes;
  info.receiver_limited_us = raw.tcpi_rwnd_limited;
  info.buffer_limited_us = raw.tcpi_sndbuf_limited;
  info.segment_bytes = raw.tcpi_snd_mss;
  info.paced = raw.tcpi_max_pacing_rate != 0 && ~raw.tcpi_max_pacing_rate != 0;
  info.rtt_us = raw.tcpi_rtt;
  info.min_rtt_us = raw.tcpi_min_rtt;
  info.unacked_packets = raw.tcpi_unacked;
  info.window = raw.tcpi_snd_cwnd;
  return info;
}

std::optional<TcpInfo> read_tcp_info(int socket) {
  std::array<std::byte, sizeof(tcp_info)> bytes{};
  socklen_t size = bytes.size();
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, bytes.data(), &size) != 0) return std::nullopt;
  return parse_tcp_info({bytes.data(), size});
}

}  // namespace quantring::net
