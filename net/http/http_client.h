#pragma once
// One GET at a time over plain TCP, as cameras need it: Basic authentication, redirects, bodies
// with a length, in chunks, or without end.

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "net/http/http_url.h"

namespace quantring::net {

struct HttpTimes {
  std::chrono::milliseconds connect{5000};   // for the name, and for each of its addresses
  std::chrono::milliseconds silence{10000};  // in which not one byte comes
};

// For one thread; stop() from any.
class HttpClient {
 public:
  explicit HttpClient(HttpTimes times = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Connects, asks, and reads the head of the answer; up to 5 redirects are followed. Gives up what
  // is left of the answer before. False when stopped. Throws Error naming the URL, the cause and
  // the remedy; so it does for any status but 200.
  bool get(const HttpUrl& url);
  std::string header(const std::string& name) const;  // lower case; empty when there is none
  // Some bytes of the body. 0 at its end and after stop(). Throws Error.
  std::size_t read(std::span<std::byte> room);
  void stop() noexcept;  // for good

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::net
