#pragma once
// Reads an HTTP request's head (RFC 9112) without trust and without a socket: what the page needs
// and no more. GET and HEAD, no body, HTTP/1.0 and 1.1; line ends are CR LF, nothing is folded.

#include <cstddef>
#include <string>
#include <string_view>

namespace quantring::net {

inline constexpr std::size_t max_request_head = 8 << 10;

struct HttpRequest {
  bool head = false;  // HEAD: the answer without its body
  std::string path;   // "/api/status": visible ASCII, as it came, nothing decoded
  std::string query;  // behind '?', may be empty
  std::string host;   // lower case, without port, brackets and a dot at the end; empty: HTTP/1.0
  bool keep_alive = false;  // the client may ask again on this connection
};

struct ParsedRequest {
  enum class State { incomplete, complete, refused };
  State state = State::incomplete;
  std::size_t used = 0;  // complete: bytes of the head; what follows is the next request
  HttpRequest request;   // complete
  int status = 0;        // refused: 400, 405, 413, 431 or 505
  std::string reason;    // refused: one line, printable, with the remedy where there is one
};

// The request at the front of what came so far.
ParsedRequest parse_http_request(std::string_view bytes);

}  // namespace quantring::net
