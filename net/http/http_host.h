#pragma once
// Which Host headers are accepted: protection against DNS rebinding, where the page of another site
// whose name resolves to this machine would read what only this network should see.

#include <string>
#include <string_view>
#include <vector>

namespace quantring::net {

class HttpHosts {
 public:
  // loopback: only "localhost" and the loopback's addresses. Else every IP address, "localhost",
  // and `names`, each with and without its domain, and with ".local".
  HttpHosts(bool loopback, const std::vector<std::string>& names);
  // host: as in HttpRequest. Empty is allowed: browsers always send it.
  bool allow(std::string_view host) const;

 private:
  bool loopback_;
  std::vector<std::string> names_;
};

bool is_loopback_address(const std::string& address);  // "127.0.0.1", "::1"
std::string own_host_name();                           // empty: unknown

}  // namespace quantring::net
