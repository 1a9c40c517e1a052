#pragma once
// A file in memory, for readers that take a path.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>

namespace quantring::test {

// The name by which this process can open it. The next call puts other bytes into the same file.
inline std::string memory_file(const void* data, std::size_t size) {
  static const int descriptor = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (descriptor < 0 || ::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  return "/proc/self/fd/" + std::to_string(descriptor);
}

inline std::string memory_file(const std::string& bytes) {
  return memory_file(bytes.data(), bytes.size());
}

}  // namespace quantring::test
