#pragma once
// A flag that wakes an io_context; may be raised from any thread and from a signal handler.

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>

namespace quantring::net {

class StopSignal {
 public:
  // on_raise: runs once, on the thread of the io_context. Throws Error when no descriptor is left.
  StopSignal(asio::io_context& io, std::function<void()> on_raise);
  void raise() noexcept;
  // On the thread of the io_context: it no longer waits for the signal and may run out of work.
  void cancel();

 private:
  asio::posix::stream_descriptor event_;
  int raw_;
  std::uint64_t count_ = 0;
};

}  // namespace quantring::net
