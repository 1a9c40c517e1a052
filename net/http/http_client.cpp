#include "net/http/http_client.h"

#include <utility>  // Asio 1.18 needs it and does not include it

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <vector>

#include "net/hop/socket.h"
#include "net/http/http_response.h"
#include "net/ring/stop_signal.h"
#include "net/wire/address.h"
#include "ops/base/error.h"
#include "ops/base/lower_case.h"
#include "ops/base/password.h"

namespace quantring::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int max_redirects = 5;
constexpr std::size_t inbox_bytes = 64 << 10;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string request_text(const HttpUrl& url) {
  const std::string host = url.port != 80 ? address_text({url.host, url.port})
                           : url.host.find(':') == std::string::npos
                               ? url.host
                               : fmt::format("[{}]", url.host);
  std::string text = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: quantring\r\nAccept: multipart/x-mixed-replace, "
      "image/jpeg, */*\r\nConnection: close\r\n",
      url.target, host);
  if (!url.user.empty() || !url.password.empty())
    text += fmt::format("Authorization: Basic {}\r\n",
                        base64(fmt::format("{}:{}", url.user, url.password)));
  return text + "\r\n";
}

// For a URL whose path has an '@': that may be a password, read as host, port and path.
std::string hint_of(const HttpUrl& url) {
  return password_hint(fmt::format("http://{}:{}{}", url.host, url.port, url.target));
}

// Shared: outlives a caller that stops waiting first.
struct Operation {
  bool done = false;
  asio::error_code error;
  std::size_t bytes = 0;
  Tcp::resolver::results_type found;
};

}  // namespace

struct HttpClient::Impl {
  explicit Impl(HttpTimes with_times)
      : times(with_times), socket(io), resolver(io), stop(io, [this] { stopped = true; }) {}

  // False when stopped. Throws Error `late` when it takes longer.
  bool wait(const std::shared_ptr<Operation>& operation, std::chrono::milliseconds time,
            const std::string& late) {
    const auto deadline = Clock::now() + time;
    while (!operation->done && !stopped && io.run_one_until(deadline) > 0) {
    }
    if (operation->done && !stopped) return true;
    close();
    resolver.cancel();
    if (stopped) return false;
    throw Error(late);
  }

  void close() {
    asio::error_code ignored;
    socket.close(ignored);
  }

  // Completion handler of an Asio operation.
  static auto finish(const std::shared_ptr<Operation>& operation) {
    return [operation](const asio::error_code& error, std::size_t bytes) {
      operation->done = true;
      operation->error = error;
      operation->bytes = bytes;
    };
  }

  bool connect(const HttpUrl& url) {
    const std::string name = url_text(url);
    std::vector<Tcp::endpoint> endpoints;
    asio::error_code error;
    const auto numeric = asio::ip::make_address(url.host, error);
    if (!error) {
      endpoints.emplace_back(numeric, url.port);
    } else {
      const auto resolving = std::make_shared<Operation>();
      resolver.async_resolve(url.host, std::to_string(url.port),
                             [resolving](const asio::error_code& why, const auto& found) {
                               resolving->done = true;
                               resolving->error = why;
                               resolving->found = found;
                             });
      if (!wait(resolving, times.connect, fmt::format("{}: the name is not resolved", name)))
        return false;
      if (resolving->error)
        throw Error(
            fmt::format("{}: cannot resolve the host's name: {}; check it, or write its IP "
                        "address{}",
                        name, reason(resolving->error), hint_of(url)));
      for (const auto& entry : resolving->found) endpoints.push_back(entry.endpoint());
    }
    for (const Tcp::endpoint& endpoint : endpoints) {
      close();
      const auto connecting = std::make_shared<Operation>();
      socket.async_connect(endpoint, [connecting](const asio::error_code& why) {
        connecting->done = true;
        connecting->error = why;
      });
      try {
        if (!wait(connecting, times.connect, "")) return false;
      } catch (const Error&) {
        connecting->error = asio::error::timed_out;
      }
      error = connecting->error;
      if (!error) return true;
    }
    throw Error(
        fmt::format("{}: cannot connect: {}; is the camera on, and are host and port right?{}",
                    name, reason(error), hint_of(url)));
  }

  // Sends one request and reads the head of its response. False when stopped.
  bool request(const HttpUrl& url) {
    peer = url_text(url);
    reader = {};
    pending.clear();
    taken = 0;
    if (!connect(url)) return false;
    const auto writing = std::make_shared<Operation>();
    outbox = request_text(url);
    asio::async_write(socket, asio::buffer(outbox), finish(writing));
    if (!wait(writing, times.silence, fmt::format("{}: does not read the request", peer)))
      return false;
    if (writing->error)
      throw Error(fmt::format("{}: cannot send the request: {}", peer, reason(writing->error)));
    while (!reader.head_done()) {
      if (!receive()) return false;
    }
    return true;
  }

  // Appends received bytes to `pending`, or handles the end of the response. False when stopped.
  bool receive() {
    const auto reading = std::make_shared<Operation>();
    socket.async_read_some(asio::buffer(inbox), finish(reading));
    const std::chrono::duration<double> silence = times.silence;
    if (!wait(reading, times.silence,
              fmt::format("{}: nothing received for {:g} s", peer, silence.count())))
      return false;
    if (reading->error && reading->error != asio::error::eof)
      throw Error(fmt::format("{}: the connection broke: {}", peer, reason(reading->error)));
    try {
      if (reading->error) {
        reader.closed();
      } else {
        reader.push({inbox.data(), reading->bytes}, pending);
      }
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", peer, error.what()));
    }
    return true;
  }

  [[noreturn]] void refuse_status(const HttpUrl& url) const {
    const std::string answer = fmt::format("{}: answers {}{}{}", peer, reader.status(),
                                           reader.reason().empty() ? "" : " ", reader.reason());
    if (reader.status() == 401) {
      const std::string asked = lower_case(reader.header("www-authenticate"));
      if (asked.find("basic") == std::string::npos && asked.find("digest") != std::string::npos)
        throw Error(
            fmt::format("{}: it requires Digest authentication, which is not supported; allow "
                        "Basic or anonymous access there",
                        answer));
      const bool anonymous = url.user.empty() && url.password.empty();
      throw Error(answer + (anonymous ? ": write http://USER:PASSWORD@HOST/..."
                                      : ": it refuses this user and password"));
    }
    throw Error(fmt::format("{}; check the path", answer));
  }

  HttpTimes times;
  asio::io_context io;
  Tcp::socket socket;
  Tcp::resolver resolver;
  bool stopped = false;  // of the reading thread
  StopSignal stop;

  std::string peer;  // for error texts
  std::string outbox;
  std::array<std::byte, inbox_bytes> inbox;
  HttpResponseReader reader;
  std::vector<std::byte> pending;  // of the body; the first `taken` have been read
  std::size_t taken = 0;
};

HttpClient::HttpClient(HttpTimes times) : impl_(std::make_unique<Impl>(times)) {}

HttpClient::~HttpClient() = default;

bool HttpClient::get(const HttpUrl& url) {
  HttpUrl at = url;
  for (int redirects = 0;; ++redirects) {
    if (!impl_->request(at)) return false;
    if (impl_->reader.status() == 200) return true;
    const std::string location = impl_->reader.header("location");
    if (!is_redirect(impl_->reader.status()) || location.empty()) impl_->refuse_status(at);
    if (redirects == max_redirects)
      throw Error(fmt::format("{}: more than {} redirects", url_text(url), max_redirects));
    try {
      at = follow_location(at, location);
    } catch (const Error& error) {
      throw Error(fmt::format("{}: redirects to {}", url_text(at), error.what()));
    }
  }
}

std::string HttpClient::header(const std::string& name) const {
  return impl_->reader.header(name);
}

std::size_t HttpClient::read(std::span<std::byte> room) {
  Impl& impl = *impl_;
  while (impl.taken == impl.pending.size()) {
    impl.pending.clear();
    impl.taken = 0;
    if (impl.reader.done() || !impl.receive()) return 0;
  }
  const std::size_t count = std::min(room.size(), impl.pending.size() - impl.taken);
  std::memcpy(room.data(), impl.pending.data() + impl.taken, count);
  impl.taken += count;
  return count;
}

void HttpClient::stop() noexcept {
  impl_->stop.raise();
}

}  // namespace quantring::net
