#pragma once
// One connection of the page's server and its I/O. All of it on the server's thread.
// Internal to net/http.

#include <utility>  // Asio 1.18 needs it and does not include it

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "net/hop/socket.h"
#include "net/http/http_stream.h"

namespace quantring::net {

struct HttpSession {
  using Clock = std::chrono::steady_clock;

  explicit HttpSession(Tcp::socket connected)
      : socket(std::move(connected)), wake(socket.get_executor()) {}

  void allow(std::chrono::milliseconds time) {
    expired = false;
    deadline = Clock::now() + time;
  }
  void allow_any_time() { deadline = Clock::time_point::max(); }
  void close() {
    over = true;
    asio::error_code ignored;
    socket.close(ignored);
    wake.cancel();
  }
  // The pending operation ends with an error; `expired` distinguishes that from an error of the
  // client.
  void expire() {
    expired = true;
    asio::error_code ignored;
    socket.cancel(ignored);
  }

  Tcp::socket socket;
  asio::steady_timer wake;  // never expires: a condition to wait on
  std::string input;        // not parsed yet
  char scratch[4096];
  std::size_t drained = 0;
  Clock::time_point deadline;
  bool expired = false, over = false;
};

using SessionPtr = std::shared_ptr<HttpSession>;

// Adds to `input`. False: an error, the client's end, or the time is up.
asio::awaitable<bool> read_some(SessionPtr session);
// False when the client closed, or took nothing for `stall_time`.
asio::awaitable<bool> write_all(SessionPtr session, HttpStream::Bytes bytes,
                                std::chrono::milliseconds stall_time);
// Lingering close: closing while the client still sends would reset the connection, and the client
// would lose the response.
asio::awaitable<void> linger(SessionPtr session);
// Until either side closes.
asio::awaitable<void> send_stream(SessionPtr session, std::shared_ptr<HttpStream> stream,
                                  std::chrono::milliseconds stall_time);

inline constexpr std::chrono::seconds linger_time{2};

}  // namespace quantring::net
