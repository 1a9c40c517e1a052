#pragma once
// TCP options, listening, and error texts for people. Internal to net.

#include <utility>  // Asio 1.18 needs it and does not include it

#include <asio/awaitable.hpp>
#include <asio/error_code.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace quantring::net {

using Tcp = asio::ip::tcp;
using Acceptor = std::shared_ptr<Tcp::acceptor>;

// No Nagle delay; few unsent bytes in the kernel, so that a write takes as long as the link needs.
void tune(Tcp::socket& socket);
// Limits the sending rate (0: no limit). Call before connecting.
void pace(Tcp::socket& socket, std::uint64_t bits_per_second);

// Throws Error: "cannot listen on 127.0.0.1:7710: address already in use; ...".
Acceptor listen_on(asio::io_context& io, const std::string& address);

// Passes every connection to `on_socket` until the acceptor is closed.
asio::awaitable<void> accept_sockets(Acceptor acceptor, std::function<void(Tcp::socket)> on_socket);

std::string reason(const asio::error_code& error);     // "connection refused"
std::string host_text(const Tcp::endpoint& endpoint);  // "10.0.0.7"

}  // namespace quantring::net
