#include "net/http/http_host.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>

#include "ops/base/lower_case.h"

namespace quantring::net {
namespace {

bool is_address(const std::string& text) {
  in6_addr address;
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace

bool is_loopback_address(const std::string& text) {
  in_addr v4;
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6;
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string own_host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

HttpHosts::HttpHosts(bool loopback, const std::vector<std::string>& names) : loopback_(loopback) {
  if (loopback) return;
  for (const std::string& given : names) {
    const std::string name = lower_case(given);
    const std::string first = name.substr(0, name.find('.'));
    if (first.empty() || is_address(name)) continue;
    names_.insert(names_.end(), {name, first, first + ".local"});
  }
}

bool HttpHosts::allow(std::string_view view) const {
  const std::string host(view);
  if (host.empty() || host == "localhost" || is_loopback_address(host)) return true;
  if (loopback_) return false;
  return is_address(host) || std::find(names_.begin(), names_.end(), host) != names_.end();
}

}  // namespace quantring::net
