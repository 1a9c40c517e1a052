#pragma once
// The system calls that drive a V4L2 camera, mockable.

#include <poll.h>

#include <cstddef>
#include <string>
#include <vector>

namespace quantring {

// Results and errno as of the system calls.
class V4l2Calls {
 public:
  virtual ~V4l2Calls() = default;
  virtual int open(const char* path) = 0;  // O_RDWR, non-blocking
  virtual int close(int device) = 0;
  virtual int ioctl(int device, unsigned long request, void* argument) = 0;
  virtual void* mmap(std::size_t length, int device, std::size_t offset) = 0;
  virtual int munmap(void* address, std::size_t length) = 0;
  virtual int poll(pollfd* descriptors, int count, int milliseconds) = 0;
  virtual std::vector<std::string> devices() = 0;  // paths of all /dev/video*, sorted by number
};

V4l2Calls& v4l2_kernel();

}  // namespace quantring
