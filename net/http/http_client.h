#pragma once
// HTTP client for cameras: one GET at a time over plain TCP, with Basic authentication, redirects,
// and bodies with a length, chunked, or up to the end of the connection.

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "net/http/http_url.h"

namespace quantring::net {

struct HttpTimes {
  std::chrono::milliseconds connect{5000};   // to resolve the name, and for each of its addresses
  std::chrono::milliseconds silence{10000};  // without a byte received
};

// For one thread; stop() from any.
class HttpClient {
 public:
  explicit HttpClient(HttpTimes times = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Connects, sends the request and reads the head of the response; follows up to 5 redirects.
  // Drops the rest of an earlier response. False when stopped. Throws Error naming the URL, the
  // cause and the remedy, also for any status but 200.
  bool get(const HttpUrl& url);
  std::string header(const std::string& name) const;  // lower case; empty when there is none
  // Some bytes of the body. 0 at its end and after stop(). Throws Error.
  std::size_t read(std::span<std::byte> room);
  void stop() noexcept;  // permanent

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::net
