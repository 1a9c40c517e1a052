#pragma once
// HOST:PORT, with [brackets] around an IPv6 host.

#include <cstdint>
#include <string>
#include <string_view>

namespace quantring::net {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Address&) const = default;
};

// Throws Error with the accepted form.
Address parse_address(std::string_view text);
// For what listens: HOST:PORT, or the port alone as "7710" or ":7710", with this host. Throws
// Error.
Address parse_listen_address(std::string_view text, std::string_view host);
std::string address_text(const Address& address);

}  // namespace quantring::net
