#pragma once
// A flag that may be raised from any thread and from a signal handler, and wakes an io_context.

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>

namespace quantring::net {

class StopSignal {
 public:
  // `on_raise` runs once, on the thread of the io_context. Throws Error when the system has no
  // descriptor left.
  StopSignal(asio::io_context& io, std::function<void()> on_raise);
  void raise() noexcept;
  void
  cancel();  // on the thread of the io_context, when nobody will raise it: lets it run out of work

 private:
  asio::posix::stream_descriptor event_;
  int raw_;
  std::uint64_t count_ = 0;
};

}  // namespace quantring::net
