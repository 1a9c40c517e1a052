#pragma once
// The system calls that a camera of the kernel's is driven by, so that a test can be the kernel.

#include <poll.h>

#include <cstddef>
#include <string>
#include <vector>

namespace quantring {

// Results and errno as the system's.
class V4l2Calls {
 public:
  virtual ~V4l2Calls() = default;
  virtual int open(const char* path) = 0;  // for reading and writing, without blocking
  virtual int close(int device) = 0;
  virtual int ioctl(int device, unsigned long request, void* argument) = 0;
  virtual void* mmap(std::size_t length, int device, std::size_t offset) = 0;
  virtual int munmap(void* address, std::size_t length) = 0;
  virtual int poll(pollfd* descriptors, int count, int milliseconds) = 0;
  virtual std::vector<std::string> devices() = 0;  // paths of all /dev/video*, by number
};

V4l2Calls& v4l2_kernel();

}  // namespace quantring
