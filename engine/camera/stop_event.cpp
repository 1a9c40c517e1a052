#include "engine/camera/stop_event.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "ops/base/error.h"

namespace quantring {

StopEvent::StopEvent() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0)
    throw Error(fmt::format("cannot create an eventfd: {}", std::strerror(errno)));
}

StopEvent::~StopEvent() {
  ::close(descriptor_);
}

void StopEvent::raise() noexcept {
  const std::uint64_t one = 1;
  // Fails only if the counter is at its maximum, and then it is raised already.
  [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof one);
}

bool StopEvent::raised() const noexcept {
  pollfd event{.fd = descriptor_, .events = POLLIN, .revents = 0};
  return ::poll(&event, 1, 0) > 0;
}

}  // namespace quantring
