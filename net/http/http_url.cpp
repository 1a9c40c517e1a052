#include "net/http/http_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "net/wire/address.h"
#include "ops/base/error.h"

namespace quantring::net {
namespace {

constexpr std::string_view scheme_end = "://";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A '%' without two hexadecimal digits behind it is literal: passwords are often typed unescaped.
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

// Position of the '@' behind user and password. A password with a '/', which the syntax does not
// allow, is recognised by what would otherwise be the port.
std::optional<std::size_t> user_end(std::string_view url, std::size_t begin) {
  const std::size_t end = authority_end(url, begin);
  const std::string_view authority = url.substr(begin, end - begin);
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) return begin + at;
  const std::size_t colon = authority.rfind(':');
  const bool ipv6 = !authority.empty() && authority.back() == ']';
  if (colon == std::string_view::npos || ipv6 || is_port(authority.substr(colon + 1)))
    return std::nullopt;
  const std::size_t late = url.rfind('@');
  if (late == std::string_view::npos || late < begin) return std::nullopt;
  return late;
}

bool is_secret(std::string_view key) {
  std::string lower(key);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array names = {"pass", "pwd", "psw", "token", "secret", "auth", "key"};
  return std::any_of(names.begin(), names.end(),
                     [&lower](const char* name) { return lower.find(name) != std::string::npos; });
}

[[noreturn]] void refuse(std::string_view url, const char* why) {
  throw Error(fmt::format("{}: {}", without_password(url), why));
}

}  // namespace

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
  if (const auto at = user_end(text, begin)) {
    const std::string_view info = text.substr(begin, *at - begin);
    if (info.find_first_of("/?#") != std::string_view::npos)
      refuse(text, "write '/', '?' and '#' in a password as %2F, %3F and %23");
    const std::size_t colon = std::min(info.find(':'), info.size());
    url.user = percent_decode(info.substr(0, colon));
    if (colon < info.size()) url.password = percent_decode(info.substr(colon + 1));
    begin = *at + 1;
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
  return without_password(fmt::format("http://{}{}{}{}{}", url.user, url.user.empty() ? "" : "@",
                                      host, url.port == 80 ? "" : fmt::format(":{}", url.port),
                                      url.target));
}

std::string without_password(std::string_view uri) {
  const std::size_t scheme = uri.find(scheme_end);
  if (scheme == std::string_view::npos) return std::string(uri);
  const std::size_t begin = scheme + scheme_end.size();
  std::string shown(uri.substr(0, begin));
  std::size_t rest = begin;
  if (const auto at = user_end(uri, begin)) {
    const std::string_view info = uri.substr(begin, *at - begin);
    shown += info.substr(0, info.find(':'));
    shown += '@';
    rest = *at + 1;
  }
  const std::size_t query = std::min(uri.find('?', rest), uri.size());
  shown += uri.substr(rest, query - rest);
  for (std::size_t at = query; at < uri.size();) {
    const std::size_t end = std::min(uri.find('&', at + 1), uri.size());
    const std::string_view parameter = uri.substr(at, end - at);  // with its '?' or '&'
    const std::size_t equals = parameter.find('=');
    const bool secret =
        equals != std::string_view::npos && is_secret(parameter.substr(1, equals - 1));
    shown +=
        secret ? fmt::format("{}...", parameter.substr(0, equals + 1)) : std::string(parameter);
    at = end;
  }
  return shown;
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
