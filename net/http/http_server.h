#pragma once
// A small HTTP server for a page and its data: responses and streams, on a thread of its own. Every
// response has headers that forbid other origins (Content-Security-Policy and related) and storing.
// Only requests for names of this machine are served (net/http/http_host.h).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/http/http_request.h"
#include "net/http/http_stream.h"

namespace quantring::net {

struct HttpResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;                              // of a stream: its first bytes
  std::shared_ptr<HttpStream> stream = nullptr;  // then this, until either side closes
};

struct HttpServerOptions {
  std::string listen;  // HOST:PORT; port 0 takes a free one
  std::string content_security_policy = "default-src 'none'";
  std::size_t max_clients = 32;                    // connections; further ones get a 503
  std::chrono::milliseconds request_time{10'000};  // for a whole request, idle time included
  std::chrono::milliseconds stall_time{10'000};    // without the client reading a byte
};

class HttpServer {
 public:
  // Called on the server's thread, one request after the other; must not wait. An
  // exception becomes a 500.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Listens at once. Throws Error when it cannot.
  HttpServer(HttpServerOptions options, Handler handler);
  ~HttpServer();  // closes every connection
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::net
