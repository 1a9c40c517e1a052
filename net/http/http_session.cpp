#include "net/http/http_session.h"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

namespace quantring::net {
namespace {

constexpr std::size_t max_drained = 64 << 10;  // bytes that a client sends and that are dropped

// Closes as soon as the client does. What it sends is dropped.
void watch_for_end(const SessionPtr& session) {
  session->socket.async_read_some(asio::buffer(session->scratch),
                                  [session](const asio::error_code& error, std::size_t got) {
                                    session->drained += got;
                                    if (error || session->drained > max_drained) {
                                      session->close();
                                    } else {
                                      watch_for_end(session);
                                    }
                                  });
}

}  // namespace

asio::awaitable<bool> read_some(SessionPtr session) {
  asio::error_code error;
  const std::size_t got = co_await session->socket.async_read_some(
      asio::buffer(session->scratch), asio::redirect_error(asio::use_awaitable, error));
  if (!error) session->input.append(session->scratch, got);
  co_return !error;
}

asio::awaitable<bool> write_all(SessionPtr session, HttpStream::Bytes bytes,
                                std::chrono::milliseconds stall_time) {
  for (std::size_t done = 0; done < bytes->size();) {
    session->allow(stall_time);
    asio::error_code error;
    done += co_await session->socket.async_write_some(
        asio::buffer(bytes->data() + done, bytes->size() - done),
        asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
  }
  co_return true;
}

asio::awaitable<void> linger(SessionPtr session) {
  asio::error_code error;
  session->socket.shutdown(Tcp::socket::shutdown_send, error);
  session->allow(linger_time);
  while (!error && session->drained < max_drained) {
    session->drained += co_await session->socket.async_read_some(
        asio::buffer(session->scratch), asio::redirect_error(asio::use_awaitable, error));
  }
}

asio::awaitable<void> send_stream(SessionPtr session, std::shared_ptr<HttpStream> stream,
                                  std::chrono::milliseconds stall_time) {
  watch_for_end(session);
  const std::weak_ptr<HttpSession> weak = session;
  HttpStream::Reader reader(std::move(stream), [weak, executor = session->socket.get_executor()] {
    asio::post(executor, [weak] {
      if (const auto waiting = weak.lock()) waiting->wake.cancel();
    });
  });
  while (!session->over) {
    if (const HttpStream::Bytes bytes = reader.take()) {
      if (!co_await write_all(session, bytes, stall_time)) break;
      continue;
    }
    session->allow_any_time();
    asio::error_code woken;
    session->wake.expires_at(HttpSession::Clock::time_point::max());
    co_await session->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  session->close();
}

}  // namespace quantring::net
