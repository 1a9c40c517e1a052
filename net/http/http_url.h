#pragma once
// URLs of cameras, and URIs without their passwords.

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

// Resolves a Location header against `base` (RFC 3986, 5.2, without dot segments). Throws Error
// when the result is not an http:// URL.
HttpUrl follow_location(const HttpUrl& base, std::string_view location);

std::string url_text(const HttpUrl& url);  // with the user, never with the password

// For messages: the URI at the front of the text loses the password before '@' and the values of
// query parameters with a name like one. Text without "scheme://" is unchanged.
std::string without_password(std::string_view uri);

// "dXNlcjpwYXNz" (RFC 4648, 4).
std::string base64(std::string_view bytes);

}  // namespace quantring::net
