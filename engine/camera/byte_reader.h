#pragma once
// A stream of bytes that a camera sends.

#include <cstddef>
#include <span>

namespace quantring {

class ByteReader {
 public:
  virtual ~ByteReader() = default;
  // Connects, where the first read would do so otherwise. Throws Error.
  virtual void start() {}
  // Waits for some bytes; how many came. 0 at the end of the stream and after stop(). Throws Error
  // when the stream breaks.
  virtual std::size_t read(std::span<std::byte> room) = 0;
  // From any thread: a waiting and every later read() returns 0, soon.
  virtual void stop() noexcept = 0;
};

}  // namespace quantring
