#pragma once
// A small HTTP server whose responses the test writes.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace quantring::test {

class HttpCamera {
 public:
  // A connection, for the handler of one request.
  class Peer {
   public:
    Peer(int descriptor, const std::atomic<bool>* stopped)
        : descriptor_(descriptor), stopped_(stopped) {}
    // False if the client disconnected or the server is stopping.
    bool send(const std::string& bytes) const {
      std::size_t sent = 0;
      while (sent < bytes.size()) {
        if (*stopped_) return false;
        pollfd event{.fd = descriptor_, .events = POLLOUT, .revents = 0};
        if (::poll(&event, 1, 20) <= 0) continue;
        const ssize_t count = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent,
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count <= 0) return false;
        sent += static_cast<std::size_t>(count);
      }
      return true;
    }
    // Sends nothing until the client disconnects or the server is stopping.
    void hold() const {
      while (!*stopped_) {
        pollfd event{.fd = descriptor_, .events = POLLIN, .revents = 0};
        char byte = 0;
        if (::poll(&event, 1, 20) > 0 && ::recv(descriptor_, &byte, 1, 0) <= 0) return;
      }
    }

   private:
    int descriptor_;
    const std::atomic<bool>* stopped_;
  };
  // request: with all header lines.
  using Handler = std::function<void(const std::string& request, const Peer& peer)>;

  // port 0: a free one.
  explicit HttpCamera(Handler handler, std::uint16_t port = 0) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const general = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, general, sizeof address) != 0 || ::listen(listener_, 16) != 0)
      std::abort();
    socklen_t size = sizeof address;
    ::getsockname(listener_, general, &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpCamera() {
    stopped_ = true;
    thread_.join();
    ::close(listener_);
  }
  HttpCamera(const HttpCamera&) = delete;
  HttpCamera& operator=(const HttpCamera&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path = "/", const std::string& user = "") const {
    return "http://" + user + "127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!stopped_) {
      pollfd event{.fd = listener_, .events = POLLIN, .revents = 0};
      if (::poll(&event, 1, 20) <= 0) continue;
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) continue;
      answer(peer);
      ::close(peer);
    }
  }
  void answer(int peer) {
    std::string request;
    while (!stopped_ && request.find("\r\n\r\n") == std::string::npos) {
      pollfd event{.fd = peer, .events = POLLIN, .revents = 0};
      if (::poll(&event, 1, 20) <= 0) continue;
      char bytes[1024];
      const ssize_t got = ::recv(peer, bytes, sizeof bytes, 0);
      if (got <= 0) return;
      request.append(bytes, static_cast<std::size_t>(got));
    }
    if (stopped_) return;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    handler_(request, Peer(peer, &stopped_));
  }

  Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopped_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace quantring::test
