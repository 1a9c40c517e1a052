#include "net/http/http_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "net/wire/address.h"
#include "ops/base/error.h"
#include "ops/base/password.h"

namespace quantring::net {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool starts_with_scheme(std::string_view url, std::string_view scheme) {
  if (url.size() < scheme.size()) return false;
  return std::equal(scheme.begin(), scheme.end(), url.begin(), [](char wanted, char given) {
    return std::tolower(static_cast<unsigned char>(given)) == wanted;
  });
}

bool is_port(std::string_view text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) {
           return std::isdigit(static_cast<unsigned char>(c)) != 0;
         });
}

std::size_t authority_end(std::string_view url, std::size_t begin) {
  return std::min(url.find_first_of("/?#", begin), url.size());
}

[[noreturn]] void refuse(std::string_view url, const char* why) {
  throw OptionError(fmt::format("{}: {}{}", without_password(url), why, password_hint(url)));
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      decoded += text[i];
    } else {
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

std::size_t user_end(std::string_view url, std::size_t begin) {
  const std::size_t last = url.rfind('@');
  if (last == std::string_view::npos || last < begin) return std::string_view::npos;
  const std::size_t end = authority_end(url, begin);
  if (last < end) return last;
  const std::string_view authority = url.substr(begin, end - begin);
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.back() != ']';
  if (authority.find('@') != std::string_view::npos ||
      (has_port && !is_port(authority.substr(colon + 1))))
    refuse(url, "an '@' behind '/', '?' or '#' is unclear; in a path or query write %40");
  return std::string_view::npos;
}

HttpUrl parse_http_url(std::string_view text) {
  constexpr std::string_view http = "http://", https = "https://";
  if (starts_with_scheme(text, https))
    refuse(text,
           "https is not supported: write http:// if the camera has it, or let another program "
           "fetch it (ffmpeg -i URL -f mjpeg - | quantring camera -)");
  if (!starts_with_scheme(text, http)) refuse(text, "not a URL with http://");
  for (const char c : text) {
    if (c <= ' ' || c > '~')
      refuse(text,
             "a URL holds no spaces and no letters beyond ASCII: write them as %20 and so on");
  }
  HttpUrl url;
  std::size_t begin = http.size();
  if (const std::size_t at = user_end(text, begin); at != std::string_view::npos) {
    const std::string_view info = text.substr(begin, at - begin);
    const std::size_t colon = std::min(info.find(':'), info.size());
    url.user = percent_decode(info.substr(0, colon));
    if (colon < info.size()) url.password = percent_decode(info.substr(colon + 1));
    begin = at + 1;
  }
  const std::size_t end = authority_end(text, begin);
  const std::string_view authority = text.substr(begin, end - begin);
  if (authority.empty()) refuse(text, "no host in it");
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.back() != ']';
  try {
    const Address address =
        parse_address(has_port ? std::string(authority) : fmt::format("{}:80", authority));
    url.host = address.host;
    url.port = address.port;
  } catch (const Error&) {
    refuse(text, "the host is not HOST or HOST:PORT");
  }
  if (url.port == 0) refuse(text, "there is no port 0");
  const std::string_view rest = text.substr(end, std::min(text.find('#', end), text.size()) - end);
  url.target = rest.starts_with('/') ? std::string(rest) : fmt::format("/{}", rest);
  return url;
}

HttpUrl follow_location(const HttpUrl& base, std::string_view location) {
  const std::size_t end = std::min(location.find_first_of("/?#"), location.size());
  const std::size_t colon = location.find(':');
  HttpUrl url;
  if (location.starts_with("//")) {
    url = parse_http_url(fmt::format("http:{}", location));
  } else if (colon < end) {  // has a scheme
    url = parse_http_url(location);
  } else {
    const std::string_view path = base.target;
    const std::string_view directory =
        path.substr(0, path.substr(0, path.find('?')).rfind('/') + 1);
    const std::string target = location.starts_with('/') ? std::string(location)
                                                         : fmt::format("{}{}", directory, location);
    url = parse_http_url(fmt::format("http://{}{}", address_text({base.host, base.port}), target));
  }
  // The password is not sent to another host.
  if (url.user.empty() && url.host == base.host && url.port == base.port) {
    url.user = base.user;
    url.password = base.password;
  }
  return url;
}

std::string url_text(const HttpUrl& url) {
  const std::string host =
      url.host.find(':') == std::string::npos ? url.host : fmt::format("[{}]", url.host);
  const std::string user = url.password.empty() ? url.user : fmt::format("{}:", url.user);
  return without_password(fmt::format("http://{}{}{}{}{}", user, user.empty() ? "" : "@", host,
                                      url.port == 80 ? "" : fmt::format(":{}", url.port),
                                      url.target));
}

std::string base64(std::string_view bytes) {
  constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= count ? letters[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

}  // namespace quantring::net
