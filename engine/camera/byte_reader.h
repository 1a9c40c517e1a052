#pragma once
// Byte stream of a camera.

#include <cstddef>
#include <span>

namespace quantring {

class ByteReader {
 public:
  virtual ~ByteReader() = default;
  // Connects; without it the first read() does. Throws Error.
  virtual void start() {}
  // Waits for bytes and returns how many arrived: 0 at the end of the stream and after stop().
  // Throws Error when the stream breaks.
  virtual std::size_t read(std::span<std::byte> buffer) = 0;
  // From any thread: a blocked read() and every later one return 0.
  virtual void stop() noexcept = 0;
};

}  // namespace quantring
