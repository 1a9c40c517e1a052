#pragma once
// A small HTTP server for a page and what it reads: answers and streams, on a thread of its own.
// Every answer tells the browser to keep to this server (Content-Security-Policy and its kin) and
// to store nothing. Only names that are this machine's are answered (net/http/http_host.h).

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
  std::string body;                              // of a stream: what a reader gets first
  std::shared_ptr<HttpStream> stream = nullptr;  // what follows, until either side hangs up
};

struct HttpServerOptions {
  std::string listen;  // HOST:PORT; port 0 takes a free one
  std::string content_security_policy = "default-src 'none'";
  std::size_t max_clients = 32;                    // connections; one more is told so (503)
  std::chrono::milliseconds request_time{10'000};  // for a whole request, idle time included
  std::chrono::milliseconds stall_time{10'000};  // a client that takes nothing for so long is left
};

class HttpServer {
 public:
  // Called on the server's thread, one request after the other; must not wait. What it throws
  // becomes a 500.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Listens from here on. Throws Error when it cannot.
  HttpServer(HttpServerOptions options, Handler handler);
  ~HttpServer();  // hangs up on everybody
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::net
