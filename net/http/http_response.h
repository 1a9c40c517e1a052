#pragma once
// Incremental parser for an untrusted HTTP response (RFC 9112).

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

// For the response to one GET: interim responses (1xx) are skipped; the body ends by
// Content-Length, by its chunks, or with the connection.
class HttpResponseReader {
 public:
  // Appends bytes of the body to `body`. Ignores what follows the end. Throws Error, without the
  // peer's name, when this is not HTTP or exceeds a limit.
  void push(std::span<const std::byte> bytes, std::vector<std::byte>& body);
  // The peer has closed: throws Error when the response is incomplete.
  void closed();

  bool head_done() const { return place_ > Place::head; }
  bool done() const { return place_ == Place::end; }
  int status() const { return status_; }
  const std::string& reason() const { return reason_; }  // printable
  // Empty when there is none; the first of several.
  std::string header(std::string_view name) const;
  // Content-Length, unless the body is chunked.
  std::optional<std::uint64_t> length() const { return length_; }

 private:
  enum class Place { head, body, chunk_size, chunk, chunk_end, trailer, end };

  std::size_t take_line(std::span<const std::byte> bytes);
  void line_complete();
  void end_of_head();
  void read_status();
  void read_header();
  void read_chunk_size();

  Place place_ = Place::head;
  std::string line_;
  std::size_t head_bytes_ = 0;  // of the head, chunk size lines and trailers
  bool have_status_ = false, chunked_ = false;
  int status_ = 0;
  std::string reason_;
  std::vector<std::pair<std::string, std::string>> headers_;  // names in lower case
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0;  // of the body with a length, or of the chunk
};

}  // namespace quantring::net
