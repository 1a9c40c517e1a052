#pragma once
// Parser for the head of an untrusted HTTP request (RFC 9112), as far as the page needs it: GET and
// HEAD, no body, HTTP/1.0 and 1.1; lines end with CR LF, folded lines are refused.

#include <cstddef>
#include <string>
#include <string_view>

namespace quantring::net {

inline constexpr std::size_t max_request_head = 8 << 10;

struct HttpRequest {
  bool head = false;  // HEAD: the response without its body
  std::string path;   // "/api/status": visible ASCII, not decoded
  std::string query;  // behind '?', may be empty
  std::string host;   // lower case, without port, brackets and a dot at the end; empty: HTTP/1.0
  bool keep_alive = false;  // another request may follow on this connection
};

struct ParsedRequest {
  enum class State { incomplete, complete, refused };
  State state = State::incomplete;
  std::size_t used = 0;  // complete: bytes of the head; the next request follows
  HttpRequest request;   // complete
  int status = 0;        // refused: 400, 405, 413, 431 or 505
  std::string reason;    // refused: one line, printable, with the remedy where there is one
};

// bytes: what was received so far; begins with a request.
ParsedRequest parse_http_request(std::string_view bytes);

}  // namespace quantring::net
