#include "net/ring/stop_signal.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <asio/buffer.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ops/base/error.h"

namespace quantring::net {

StopSignal::StopSignal(asio::io_context& io, std::function<void()> on_raise)
    : event_(io), raw_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (raw_ < 0) throw Error(std::string("cannot make an eventfd: ") + std::strerror(errno));
  event_.assign(raw_);
  event_.async_read_some(
      asio::buffer(&count_, sizeof count_),
      [raised = std::move(on_raise)](const asio::error_code& error, std::size_t) {
        if (!error) raised();
      });
}

void StopSignal::raise() noexcept {
  const int saved = errno;  // a signal handler must not change it
  const std::uint64_t one = 1;
  // Fails only when the counter is full: it is raised already.
  [[maybe_unused]] const auto written = ::write(raw_, &one, sizeof one);
  errno = saved;
}

void StopSignal::cancel() {
  asio::error_code ignored;
  event_.cancel(ignored);
}

}  // namespace quantring::net
