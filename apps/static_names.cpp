// Only in the static programs. glibc has /etc/hosts and DNS built in; whatever else
// /etc/nsswitch.conf lists (mdns4_minimal on every Ubuntu) it would load as shared libraries of the
// machine it happens to run on, made for that machine's glibc, and may crash on them. So the static
// program asks the two that it brings along.

#include <nss.h>

namespace {

[[gnu::constructor]] void choose_name_services() {
  __nss_configure_lookup("hosts", "files dns");
}

}  // namespace
