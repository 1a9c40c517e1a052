#pragma once
// Which names a browser may call this machine by. A page of a stranger whose name is made to point
// here (DNS rebinding) would else read what only this network should see: it comes with its own
// name in the Host header, and has no other.

#include <string>
#include <string_view>
#include <vector>

namespace quantring::net {

class HttpHosts {
 public:
  // loopback: only "localhost" and the loopback's addresses. Else every IP address, "localhost",
  // and `names`, each with and without what follows its first dot, and with ".local".
  HttpHosts(bool loopback, const std::vector<std::string>& names);
  // host: as HttpRequest has it. Empty is allowed: no browser leaves it out.
  bool allow(std::string_view host) const;

 private:
  bool loopback_;
  std::vector<std::string> names_;
};

bool is_loopback_address(const std::string& address);  // "127.0.0.1", "::1"
std::string own_host_name();                           // empty when the kernel has none

}  // namespace quantring::net
