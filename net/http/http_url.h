#pragma once
// URLs of cameras.

#include <cstddef>
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

// http:// only. Throws OptionError, without the password in it, naming what is wrong.
HttpUrl parse_http_url(std::string_view url);

// Position of the '@' behind user and password, which begin at `begin`; npos: there are none.
// Throws OptionError where another program would take a part of the password for the host: an '@'
// in the path behind a user, or behind what is no port.
std::size_t user_end(std::string_view url, std::size_t begin);

// Resolves a Location header against `base` (RFC 3986, 5.2, without dot segments). Throws Error
// when the result is not an http:// URL.
HttpUrl follow_location(const HttpUrl& base, std::string_view location);

std::string url_text(const HttpUrl& url);  // with the user, never with the password

// A '%' without two hexadecimal digits behind it is literal: passwords are often typed unescaped.
std::string percent_decode(std::string_view text);

// "dXNlcjpwYXNz" (RFC 4648, 4).
std::string base64(std::string_view bytes);

}  // namespace quantring::net
