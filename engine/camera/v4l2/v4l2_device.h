#pragma once
// An open V4L2 device and its properties. Internal to engine/camera.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/camera/v4l2/v4l2_calls.h"
#include "engine/camera/v4l2/v4l2_list.h"

namespace quantring {

class V4l2Device {
 public:
  // Throws Error naming the path, the cause and the remedy.
  V4l2Device(V4l2Calls& calls, std::string path);
  ~V4l2Device();
  V4l2Device(const V4l2Device&) = delete;
  V4l2Device& operator=(const V4l2Device&) = delete;

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  // ioctl: 0 or errno; repeated if a signal interrupts it.
  int control(unsigned long request, void* argument) const;
  // V4L2_PIX_FMT_* codes.
  std::vector<std::uint32_t> formats() const;
  std::vector<V4l2Size> sizes(std::uint32_t format) const;
  // Does not fill in formats. Throws Error if it is not a V4L2 device.
  V4l2Info info() const;

 private:
  std::vector<double> rates(std::uint32_t format, int width, int height) const;

  V4l2Calls& calls_;
  std::string path_;
  int descriptor_;
};

// One line for an errno: "/dev/video0: in use by another program; ...". doing: "open it".
std::string v4l2_reason(V4l2Calls& calls, const std::string& path, const std::string& doing,
                        int error);
std::string v4l2_format_name(std::uint32_t format);
bool v4l2_usable(std::uint32_t format);
std::vector<V4l2Info> list_v4l2_cameras(V4l2Calls& calls);

}  // namespace quantring
