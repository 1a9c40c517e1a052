#include "net/http/http_request.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "net/http/header_value.h"

namespace quantring::net {
namespace {

struct Refused {
  int status;
  const char* reason;
};

constexpr bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view separators = "\"(),/:;<=>?@[\\]{}";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_visible(c) && separators.find(c) == std::string_view::npos;
  });
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (lowered(trimmed(list.substr(0, comma))) == word) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// "Name.Local.:8080" -> "name.local", "[::1]:80" -> "::1".
std::string host_of(std::string_view value) {
  std::string_view host = value, port;
  if (!host.empty() && host.front() == '[') {
    const auto end = host.find(']');
    if (end == std::string_view::npos) throw Refused{400, "the Host header has no closing ']'"};
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (!port.empty()) {
    std::uint16_t number = 0;
    const char* end = port.data() + port.size();
    const auto [read, error] = std::from_chars(port.data() + 1, end, number);
    const bool sound =
        port.front() == ':' && (port.size() == 1 || (read == end && error == std::errc{}));
    if (!sound) throw Refused{400, "the Host header has a malformed port"};
  }
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  if (host.empty() || !std::all_of(host.begin(), host.end(), is_visible)) {
    throw Refused{400, "the Host header is malformed"};
  }
  return lowered(host);
}

class Reader {
 public:
  explicit Reader(std::string_view lines) : left_(lines) {}

  HttpRequest read() {
    request_line(line());
    bool has_host = false;
    while (!left_.empty()) {
      const std::string_view text = line();
      const auto colon = text.find(':');
      // A blank before the colon or at the front of a line is how requests are smuggled past a
      // proxy.
      if (colon == std::string_view::npos || !is_token(text.substr(0, colon))) {
        throw Refused{400, "a header is not 'Name: value'"};
      }
      const std::string name = lowered(text.substr(0, colon));
      const std::string_view value = trimmed(text.substr(colon + 1));
      if (std::any_of(value.begin(), value.end(), [](char c) {
            return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
          })) {
        throw Refused{400, "a header has control characters"};
      }
      if (name == "host") {
        if (has_host) throw Refused{400, "there are two Host headers"};
        has_host = true;
        // The target's own host wins (RFC 9112, 3.2.2).
        const std::string host = host_of(value);
        if (request_.host.empty()) request_.host = host;
      } else {
        header(name, value);
      }
    }
    if (minor_ == 1 && !has_host) throw Refused{400, "the Host header is missing"};
    return request_;
  }

 private:
  std::string_view line() {
    const auto end = left_.find("\r\n");
    const std::string_view text = left_.substr(0, end);
    left_.remove_prefix(end + 2);
    if (text.find('\r') != std::string_view::npos) throw Refused{400, "a line ends with CR alone"};
    return text;
  }

  void request_line(std::string_view text) {
    const auto first = text.find(' '), last = text.rfind(' ');
    const std::string_view method = text.substr(0, first);
    if (first == std::string_view::npos || first == last || !is_token(method)) {
      throw Refused{400, "not an HTTP request: is this the port of something else?"};
    }
    const std::string_view version = text.substr(last + 1);
    if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || version[6] != '.') {
      throw Refused{400, "not an HTTP request: is this the port of something else?"};
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
      throw Refused{505, "HTTP/1.0 and HTTP/1.1 are spoken here"};
    }
    if (method != "GET" && method != "HEAD") {
      throw Refused{405, "everything here is read-only: GET and HEAD"};
    }
    minor_ = version[7] - '0';
    request_.head = method == "HEAD";
    request_.keep_alive = minor_ == 1;
    target(text.substr(first + 1, last - first - 1));
  }

  void target(std::string_view text) {
    if (!std::all_of(text.begin(), text.end(), is_visible)) {
      throw Refused{400, "the address has characters that must be %-coded"};
    }
    constexpr std::string_view scheme = "http://";
    if (lowered(text.substr(0, scheme.size())) == scheme) {
      text.remove_prefix(scheme.size());
      const auto end = std::min(text.find_first_of("/?"), text.size());
      request_.host = host_of(text.substr(0, end));
      text.remove_prefix(end);
      if (text.empty() || text.front() == '?') request_.path = "/";
    } else if (text.empty() || text.front() != '/') {
      throw Refused{400, "the address does not begin with '/'"};
    }
    const auto question = text.find('?');
    request_.path += text.substr(0, question);
    if (question != std::string_view::npos) request_.query = text.substr(question + 1);
  }

  void header(const std::string& name, std::string_view value) {
    if (name == "connection") {
      if (has_word(value, "close")) closes_ = true;
      request_.keep_alive = !closes_ && (minor_ == 1 || has_word(value, "keep-alive"));
    } else if (name == "transfer-encoding") {
      throw Refused{413, "a request with a body is not taken"};
    } else if (name == "content-length" && value != "0") {
      throw Refused{413, "a request with a body is not taken"};
    }
  }

  std::string_view left_;
  HttpRequest request_;
  int minor_ = 1;
  bool closes_ = false;
};

}  // namespace

ParsedRequest parse_http_request(std::string_view bytes) {
  ParsedRequest parsed;
  const auto refuse = [&](int status, const char* reason) {
    parsed.state = ParsedRequest::State::refused;
    parsed.status = status;
    parsed.reason = reason;
    return parsed;
  };
  // An empty line in front of a request is allowed (RFC 9112, 2.2).
  const std::size_t start = bytes.substr(0, 2) == "\r\n" ? 2 : 0;
  const std::string_view window = bytes.substr(start, max_request_head);
  const auto end = window.find("\r\n\r\n");
  const std::string_view head = window.substr(0, end == std::string_view::npos ? end : end + 2);
  // Refused before the head is complete: such a client would wait for the response.
  for (auto at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    if (at == 0 || head[at - 1] != '\r') return refuse(400, "a line ends without CR LF");
  }
  if (end == std::string_view::npos) {
    if (window.size() == max_request_head) {
      return refuse(431, "the head of the request is over 8 KiB");
    }
    return parsed;
  }
  try {
    parsed.request = Reader(head).read();
  } catch (const Refused& refused) {
    return refuse(refused.status, refused.reason);
  }
  parsed.state = ParsedRequest::State::complete;
  parsed.used = start + end + 4;
  return parsed;
}

}  // namespace quantring::net
