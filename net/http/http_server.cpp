#include "net/http/http_server.h"

#include <utility>  // Asio 1.18 needs it and does not include it

#include <fmt/format.h>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <exception>
#include <list>
#include <thread>

#include "net/hop/socket.h"
#include "net/http/http_host.h"
#include "net/http/http_session.h"
#include "net/wire/address.h"

namespace quantring::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t max_refusals = 8;  // connections that get a 503 at one time
constexpr std::chrono::milliseconds sweep_interval{100};

const char* phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpServerOptions server_options, Handler server_handler)
      : options(std::move(server_options)),
        handler(std::move(server_handler)),
        io(1),
        acceptor(listen_on(io, options.listen)),
        local(acceptor->local_endpoint()),
        hosts(local.address().is_loopback(), {own_host_name(), parse_address(options.listen).host}),
        sweep(io) {}

  void run();
  void connected(Tcp::socket socket);
  void sweep_later();
  void stop();
  HttpResponse respond(const HttpRequest& request) const;
  std::string head_of(const HttpResponse& response, bool keep_alive) const;
  asio::awaitable<bool> answer(SessionPtr session, HttpRequest request);
  asio::awaitable<void> refuse(SessionPtr session, int status, std::string reason);
  asio::awaitable<void> serve_requests(SessionPtr session);
  asio::awaitable<void> serve(SessionPtr session, bool full);

  const HttpServerOptions options;
  const Handler handler;
  asio::io_context io;
  Acceptor acceptor;
  const Tcp::endpoint local;
  const HttpHosts hosts;
  asio::steady_timer sweep;
  bool sweeping = false;
  std::list<SessionPtr> sessions;
  std::thread thread;  // last: it uses all the rest
};

void HttpServer::Impl::run() {
  asio::co_spawn(
      io, accept_sockets(acceptor, [this](Tcp::socket socket) { connected(std::move(socket)); }),
      asio::detached);
  thread = std::thread([this] { io.run(); });  // until stop() has closed everything
}

void HttpServer::Impl::connected(Tcp::socket socket) {
  const bool full = sessions.size() >= options.max_clients;
  if (sessions.size() >= options.max_clients + max_refusals) return;  // closes it
  sessions.push_back(std::make_shared<HttpSession>(std::move(socket)));
  asio::co_spawn(io, serve(sessions.back(), full), asio::detached);
  if (!sweeping) sweep_later();
}

// One timer for all connections: deadlines are seconds, and an idle server has no timer.
void HttpServer::Impl::sweep_later() {
  sweeping = !sessions.empty();
  if (!sweeping) return;
  sweep.expires_after(sweep_interval);
  sweep.async_wait([this](const asio::error_code& error) {
    if (error) return;
    const auto now = Clock::now();
    for (const SessionPtr& session : sessions) {
      if (session->deadline < now) session->expire();
    }
    sweep_later();
  });
}

void HttpServer::Impl::stop() {
  asio::error_code ignored;
  acceptor->close(ignored);
  sweep.cancel();
  for (const SessionPtr& session : sessions) session->close();
}

HttpResponse HttpServer::Impl::respond(const HttpRequest& request) const {
  if (!hosts.allow(request.host)) {
    return {.status = 403,
            .body = local.address().is_loopback()
                        ? "only this machine is answered: http://localhost\n"
                        : "this is not a name of this machine: use its IP address or host name\n"};
  }
  try {
    return handler(request);
  } catch (const std::exception& error) {
    return {.status = 500, .body = fmt::format("{}\n", error.what())};
  }
}

std::string HttpServer::Impl::head_of(const HttpResponse& response, bool keep_alive) const {
  std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\n"
      "Content-Security-Policy: {}\r\nX-Content-Type-Options: nosniff\r\n"
      "Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n",
      response.status, phrase(response.status), response.type, options.content_security_policy);
  if (!response.stream && response.status != 204)
    head += fmt::format("Content-Length: {}\r\n", response.body.size());
  if (response.status == 405) head += "Allow: GET, HEAD\r\n";
  if (response.status == 503) head += "Retry-After: 5\r\n";
  return head + fmt::format("Connection: {}\r\n\r\n", keep_alive ? "keep-alive" : "close");
}

// True: another request may follow.
asio::awaitable<bool> HttpServer::Impl::answer(SessionPtr session, HttpRequest request) {
  const HttpResponse response = respond(request);
  const bool keep_alive = request.keep_alive && !response.stream;
  std::string text = head_of(response, keep_alive);
  if (!request.head) text += response.body;
  const auto bytes = std::make_shared<const std::string>(std::move(text));
  if (!co_await write_all(session, bytes, options.stall_time)) co_return false;
  if (response.stream && !request.head) {
    co_await send_stream(session, response.stream, options.stall_time);
    co_return false;
  }
  if (!keep_alive) co_await linger(session);
  co_return keep_alive;
}

asio::awaitable<void> HttpServer::Impl::refuse(SessionPtr session, int status, std::string reason) {
  const HttpResponse response{.status = status, .body = std::move(reason) + "\n"};
  const auto bytes = std::make_shared<const std::string>(head_of(response, false) + response.body);
  if (co_await write_all(session, bytes, linger_time)) co_await linger(session);
}

asio::awaitable<void> HttpServer::Impl::serve_requests(SessionPtr session) {
  session->allow(options.request_time);
  while (!session->over) {
    const ParsedRequest parsed = parse_http_request(session->input);
    if (parsed.state == ParsedRequest::State::refused) {
      co_await refuse(session, parsed.status, parsed.reason);
      co_return;
    }
    if (parsed.state == ParsedRequest::State::complete) {
      session->input.erase(0, parsed.used);
      if (!co_await answer(session, parsed.request)) co_return;
      session->allow(options.request_time);
      continue;
    }
    if (!co_await read_some(session)) {
      // An idle keep-alive connection is closed without a response.
      if (session->expired && !session->input.empty()) {
        co_await refuse(session, 408, "the request took too long");
      }
      co_return;
    }
  }
}

asio::awaitable<void> HttpServer::Impl::serve(SessionPtr session, bool full) {
  // Such as out of memory: the other connections go on.
  try {
    if (full) {
      co_await refuse(
          session, 503,
          fmt::format("{} clients are connected, the limit: close a page", options.max_clients));
    } else {
      co_await serve_requests(session);
    }
  } catch (const std::exception&) {
  }
  session->close();
  sessions.remove(session);
}

HttpServer::HttpServer(HttpServerOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {
  impl_->run();
}

HttpServer::~HttpServer() {
  asio::post(impl_->io, [impl = impl_.get()] { impl->stop(); });
  impl_->thread.join();
}

std::uint16_t HttpServer::port() const {
  return impl_->local.port();
}

}  // namespace quantring::net
