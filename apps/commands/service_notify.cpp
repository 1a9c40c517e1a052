#include "apps/commands/service_notify.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace quantring::apps {
namespace {

// A datagram socket that is connected to `name`; -1 when that cannot be.
int connect_to(std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Paths must be absolute; "@" stands for the zero byte of an abstract name. Others (vsock) are
  // for machines, not for services.
  if (name.size() < 2 || (name[0] != '/' && name[0] != '@') ||
      name.size() > sizeof address.sun_path - 1) {
    return -1;
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  const bool abstract = name[0] == '@';
  if (abstract) address.sun_path[0] = '\0';
  // An abstract name is as long as the address says; a path ends with a zero byte.
  const auto size = offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1);
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address),
                static_cast<socklen_t>(size)) != 0) {
    ::close(socket);
    return -1;
  }
  // A supervisor that is busy for long must not hold up the start.
  const timeval patience{2, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return socket;
}

// The variable's value, and the variable gone.
std::string taken(const char* name) {
  const char* value = std::getenv(name);
  const std::string text = value ? value : "";
  ::unsetenv(name);
  return text;
}

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

ServiceNotifier::ServiceNotifier() {
  const std::string name = taken("NOTIFY_SOCKET"), usec = taken("WATCHDOG_USEC"),
                    pid = taken("WATCHDOG_PID");
  if (name.empty()) return;
  socket_ = connect_to(name);
  // WATCHDOG_PID: the process that is watched, which a wrapper in between would not be.
  if (pid.empty() || number(pid) == static_cast<std::uint64_t>(::getpid())) {
    // A day at most: no overflow, whatever stands there.
    const std::uint64_t limited = std::min<std::uint64_t>(number(usec), 86'400'000'000);
    interval_ = std::chrono::microseconds(limited / 2);
  }
}

ServiceNotifier::~ServiceNotifier() {
  if (socket_ >= 0) ::close(socket_);
}

void ServiceNotifier::ready(const std::string& status) {
  const std::lock_guard lock(mutex_);
  status_ = first_line(status);
  send(fmt::format("READY=1\nSTATUS={}\n", status_), 0);
}

void ServiceNotifier::status(const std::string& status) {
  const std::lock_guard lock(mutex_);
  if (first_line(status) == status_) return;
  status_ = first_line(status);
  send(fmt::format("STATUS={}\n", status_), MSG_DONTWAIT);
}

void ServiceNotifier::stopping() {
  const std::lock_guard lock(mutex_);
  status_ = "stopping";
  send("STOPPING=1\nSTATUS=stopping\n", 0);
}

void ServiceNotifier::alive() {
  if (socket_ < 0 || interval_ == Clock::duration::zero()) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (fed_ != Clock::time_point{} && now - fed_ < interval_) return;
  if (send("WATCHDOG=1\n", MSG_DONTWAIT)) fed_ = now;
}

bool ServiceNotifier::send(const std::string& message, int flags) {
  return socket_ >= 0 && ::send(socket_, message.data(), message.size(), MSG_NOSIGNAL | flags) >= 0;
}

}  // namespace quantring::apps
