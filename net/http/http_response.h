#pragma once
// Reads an HTTP response (RFC 9112) without trust and without a socket.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quantring::net {

inline constexpr std::size_t max_response_head = 64 << 10;

// For the answer to one GET: interim answers (1xx) are passed over; the body is as long as
// Content-Length or the chunks say, else it ends with the connection.
class HttpResponseReader {
 public:
  // Appends what belongs to the body to `body`. What follows the end is ignored. Throws Error, that
  // names no peer, when this is no HTTP, or more than the bounds allow.
  void push(std::span<const std::byte> bytes, std::vector<std::byte>& body);
  // The peer has closed: throws Error when something was still to come.
  void closed();

  bool head_done() const { return place_ > Place::head; }
  bool done() const { return place_ == Place::end; }
  int status() const { return status_; }
  const std::string& reason() const { return reason_; }  // printable
  // Empty when there is none; of several the first.
  std::string header(std::string_view name) const;
  // Content-Length, where it counts.
  std::optional<std::uint64_t> length() const { return length_; }

 private:
  enum class Place { head, body, chunk_size, chunk, chunk_end, trailer, end };

  std::size_t take_line(std::span<const std::byte> bytes);
  void line_came();
  void end_of_head();
  void read_status();
  void read_header();
  void read_chunk_size();

  Place place_ = Place::head;
  std::string line_;
  std::size_t head_bytes_ = 0;  // of head, chunk headers' line, trailers
  bool have_status_ = false, chunked_ = false;
  int status_ = 0;
  std::string reason_;
  std::vector<std::pair<std::string, std::string>> headers_;  // names in lower case
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0;  // of the body with a length, or of the chunk
};

}  // namespace quantring::net
