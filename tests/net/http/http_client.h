#pragma once
// A minimal blocking HTTP client, in place of a browser.

#include <utility>  // Asio 1.18 needs it and does not include it

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <cstdint>
#include <string>

namespace quantring::test {

// No time-outs: a server that never answers is a hang, which ctest ends.
class HttpTestClient {
 public:
  explicit HttpTestClient(std::uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }
  void receive_buffer(int bytes) {
    socket_.set_option(asio::ip::tcp::socket::receive_buffer_size(bytes));
  }
  void send(const std::string& text) {
    asio::error_code gone;
    asio::write(socket_, asio::buffer(text), gone);
  }
  void get(const std::string& path, const std::string& more = "") {
    send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n");
  }
  // Up to and including `end`; shorter when the server closed.
  std::string read_to(const std::string& end) {
    asio::error_code error;
    const std::size_t size = asio::read_until(socket_, asio::dynamic_buffer(kept_), end, error);
    return take(error ? kept_.size() : size);
  }
  std::string read_exactly(std::size_t size) {
    asio::error_code error;
    if (kept_.size() < size) {
      asio::read(socket_, asio::dynamic_buffer(kept_), asio::transfer_exactly(size - kept_.size()),
                 error);
    }
    return take(std::min(size, kept_.size()));
  }
  // One response with a length: head and body.
  std::string read_answer() {
    const std::string head = read_to("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + read_exactly(std::stoul(head.substr(at + 16)));
  }
  std::string read_all() {
    asio::error_code end;
    asio::read(socket_, asio::dynamic_buffer(kept_), end);
    return take(kept_.size());
  }

 private:
  std::string take(std::size_t size) {
    const std::string front = kept_.substr(0, size);
    kept_.erase(0, size);
    return front;
  }

  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  std::string kept_;
};

}  // namespace quantring::test
