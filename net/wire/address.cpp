#include "net/wire/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

#include "ops/base/error.h"

namespace quantring::net {

Address parse_address(std::string_view text) {
  const auto fail = [text] {
    throw Error(fmt::format(
        "'{}' is not an address: write HOST:PORT, such as 192.168.1.20:7710 or [fe80::1]:7710",
        text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 280) fail();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    fail();
  }
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty() || error != std::errc{} || end != digits.data() + digits.size()) fail();
  // The text may come from a peer: printable characters only.
  for (const char c : host) {
    if (c <= ' ' || c > '~' || c == '[' || c == ']') fail();
  }
  const std::string name(host);
  // Digits and dots are no name of a host: 10.0.0.300 would be looked up in vain.
  in_addr ignored{};
  if (name.find_first_not_of("0123456789.") == std::string::npos &&
      ::inet_pton(AF_INET, name.c_str(), &ignored) != 1)
    fail();
  return {name, port};
}

Address parse_listen_address(std::string_view text, std::string_view host) {
  const std::string_view port = text.substr(text.starts_with(':') ? 1 : 0);
  const bool port_alone =
      !port.empty() && port.find_first_not_of("0123456789") == std::string_view::npos;
  return parse_address(port_alone ? fmt::format("{}:{}", host, port) : std::string(text));
}

std::string address_text(const Address& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", address.host, address.port)
              : fmt::format("{}:{}", address.host, address.port);
}

}  // namespace quantring::net
