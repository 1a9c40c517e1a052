#pragma once
// A file in memory with a path, for readers that take one.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>

namespace quantring::test {

// Returns its path in this process. The next call overwrites the file.
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
