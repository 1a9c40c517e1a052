// Only in the static programs. glibc has /etc/hosts and DNS built in. Other services of
// /etc/nsswitch.conf (mdns4_minimal on every Ubuntu) it would load as shared libraries, which are
// built for the machine's own glibc and can crash a static program. So only these two are used.

#include <nss.h>

namespace {

[[gnu::constructor]] void choose_name_services() {
  __nss_configure_lookup("hosts", "files dns");
}

}  // namespace
