#pragma once
// One connection of the page's server, and what is done with it. All of it on the server's thread.
// Internal to net/http.

#include <utility>  // Asio 1.18 needs it and does not include it

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "net/http/http_stream.h"
#include "net/hop/socket.h"

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
  void hang_up() {
    over = true;
    asio::error_code ignored;
    socket.close(ignored);
    wake.cancel();
  }
  // What is waited for ends with an error, and `expired` tells it from the client's doing.
  void expire() {
    expired = true;
    asio::error_code ignored;
    socket.cancel(ignored);
  }

  Tcp::socket socket;
  asio::steady_timer wake;  // never runs out: a condition to wait on
  std::string input;        // that was not parsed yet
  char scratch[4096];
  std::size_t drained = 0;
  Clock::time_point deadline;
  bool expired = false, over = false;
};

using SessionPtr = std::shared_ptr<HttpSession>;

// Adds to `input`. False: an error, the client's end, or the time is up.
asio::awaitable<bool> read_some(SessionPtr session);
// False when the client went, or took nothing for `stall_time`.
asio::awaitable<bool> write_all(SessionPtr session, HttpStream::Bytes bytes,
                                std::chrono::milliseconds stall_time);
// Closing while the client still sends would reset the connection, and with it the answer.
asio::awaitable<void> say_farewell(SessionPtr session);
// Until either side hangs up.
asio::awaitable<void> send_stream(SessionPtr session, std::shared_ptr<HttpStream> stream,
                                  std::chrono::milliseconds stall_time);

inline constexpr std::chrono::seconds farewell_time{2};

}  // namespace quantring::net
