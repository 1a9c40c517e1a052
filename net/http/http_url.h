#pragma once
// URLs that cameras are reached by.

#include <cstdint>
#include <string>
#include <string_view>

namespace quantring::net {

struct HttpUrl {
  std::string user, password;  // percent-decoded
  std::string host;            // without brackets
  std::uint16_t port = 80;
  std::string target = "/";  // path and query, as written; no fragment
};

// http:// only. Throws Error, without the password in it, naming what is wrong.
HttpUrl parse_http_url(std::string_view url);

// Where a Location header points from `base` (RFC 3986, 5.2, without dot segments). Throws Error
// when that is no http://.
HttpUrl follow_location(const HttpUrl& base, std::string_view location);

std::string url_text(const HttpUrl& url);  // with the user, never with the password

// Any text with a URI in front: for a person's eyes, without the password before '@' and without
// the values of query parameters that are named like one. What has no "scheme://" stays as it is.
std::string without_password(std::string_view uri);

// "dXNlcjpwYXNz" (RFC 4648, 4).
std::string base64(std::string_view bytes);

}  // namespace quantring::net
