#include "net/hop/socket.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/ip/address.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cctype>
#include <chrono>
#include <exception>
#include <utility>

#include "net/wire/address.h"
#include "ops/base/error.h"

namespace quantring::net {
namespace {

// Limit of unsent bytes in the kernel. Small: a frame counts as written when it is nearly on the
// wire, so the measured speed of a link is correct for frames of a few KiB too. Bytes in flight do
// not count.
constexpr int unsent_bytes = 8 << 10;

// A paced link sends packets of ordinary size: loopback's are 64 KiB, and one of those a second
// would look like silence to the receiver.
constexpr int paced_segment = 1448;

void set_option(Tcp::socket& socket, int level, int name, const void* value, socklen_t size) {
  // Old kernels lack some options; the ring works without them, with worse timing.
  [[maybe_unused]] const int result =
      ::setsockopt(socket.native_handle(), level, name, value, size);
}

Tcp::endpoint resolve_local(asio::io_context& io, const Address& address) {
  asio::error_code error;
  const auto numeric = asio::ip::make_address(address.host, error);
  if (!error) return {numeric, address.port};
  Tcp::resolver resolver(io);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty()) {
    // Not a wrong option: while a machine starts its resolver may not be up yet.
    throw Error(fmt::format(
        "cannot resolve '{}' to listen on it: {}; check the name, or write an IP address",
        address.host, reason(error)));
  }
  return *found.begin();
}

}  // namespace

void tune(Tcp::socket& socket) {
  const int one = 1;
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
}

void pace(Tcp::socket& socket, std::uint64_t bits_per_second) {
  if (bits_per_second == 0) return;
  const std::uint64_t bytes = std::max<std::uint64_t>(bits_per_second / 8, 1);
  // Kernels before 5.0 accept only 32 bits.
  if (bytes < UINT32_MAX) {
    const auto narrow = static_cast<std::uint32_t>(bytes);
    set_option(socket, SOL_SOCKET, SO_MAX_PACING_RATE, &narrow, sizeof narrow);
  } else {
    set_option(socket, SOL_SOCKET, SO_MAX_PACING_RATE, &bytes, sizeof bytes);
  }
  set_option(socket, IPPROTO_TCP, TCP_MAXSEG, &paced_segment, sizeof paced_segment);
}

Acceptor listen_on(asio::io_context& io, const std::string& text) {
  const Address address = parse_address(text);
  const Tcp::endpoint endpoint = resolve_local(io, address);
  auto acceptor = std::make_shared<Tcp::acceptor>(io);
  asio::error_code error;
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(Tcp::acceptor::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    throw Error(fmt::format(
        "cannot listen on {}: {}; stop the program that uses it, or choose another port", text,
        reason(error)));
  }
  if (error) throw Error(fmt::format("cannot listen on {}: {}", text, reason(error)));
  return acceptor;
}

asio::awaitable<void> accept_sockets(Acceptor acceptor,
                                     std::function<void(Tcp::socket)> on_socket) {
  asio::steady_timer pause(acceptor->get_executor());
  while (acceptor->is_open()) {
    asio::error_code error;
    Tcp::socket socket(acceptor->get_executor());
    co_await acceptor->async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (!acceptor->is_open()) co_return;
    if (!error) {
      tune(socket);
      on_socket(std::move(socket));
      continue;
    }
    // Out of descriptors, or the peer has closed already: go on listening.
    pause.expires_after(std::chrono::milliseconds(100));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

std::string reason(const asio::error_code& error) {
  if (error == asio::error::eof) return "connection closed";
  std::string text = error.message();
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

std::string host_text(const Tcp::endpoint& endpoint) {
  return endpoint.address().to_string();
}

}  // namespace quantring::net
