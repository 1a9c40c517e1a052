#include "engine/camera/v4l2/v4l2_calls.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

namespace quantring {
namespace {

class Kernel final : public V4l2Calls {
 public:
  int open(const char* path) override { return ::open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC); }
  int close(int device) override { return ::close(device); }
  int ioctl(int device, unsigned long request, void* argument) override {
    return ::ioctl(device, request, argument);
  }
  void* mmap(std::size_t length, int device, std::size_t offset) override {
    return ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, device,
                  static_cast<off_t>(offset));
  }
  int munmap(void* address, std::size_t length) override { return ::munmap(address, length); }
  int poll(pollfd* descriptors, int count, int milliseconds) override {
    return ::poll(descriptors, static_cast<nfds_t>(count), milliseconds);
  }
  std::vector<std::string> devices() override {
    std::vector<std::pair<int, std::string>> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/dev", ignored)) {
      const std::string name = entry.path().filename().string();
      const std::string prefix = "video";
      int number = 0;
      const char* const end = name.data() + name.size();
      if (!name.starts_with(prefix)) continue;
      const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, number);
      if (error == std::errc{} && stop == end) found.emplace_back(number, entry.path().string());
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> paths;
    for (auto& [number, path] : found) paths.push_back(std::move(path));
    return paths;
  }
};

}  // namespace

V4l2Calls& v4l2_kernel() {
  static Kernel kernel;
  return kernel;
}

}  // namespace quantring
