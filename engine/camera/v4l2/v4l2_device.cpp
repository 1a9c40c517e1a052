#include "engine/camera/v4l2/v4l2_device.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/videodev2.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ops/base/error.h"

namespace quantring {
namespace {

// Guards against a driver whose lists never end.
constexpr std::uint32_t max_entries = 256;

std::string text_of(const __u8* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size && bytes[i] != 0; ++i)
    text += bytes[i] >= ' ' && bytes[i] <= '~' ? static_cast<char>(bytes[i]) : '?';
  return text;
}

double rate_of(const v4l2_fract& interval) {
  return interval.numerator == 0 ? 0
                                 : static_cast<double>(interval.denominator) / interval.numerator;
}

}  // namespace

V4l2Device::V4l2Device(V4l2Calls& calls, std::string path)
    : calls_(calls), path_(std::move(path)), descriptor_(calls.open(path_.c_str())) {
  if (descriptor_ < 0) throw Error(v4l2_reason(calls_, path_, "open it", errno));
}

V4l2Device::~V4l2Device() {
  calls_.close(descriptor_);
}

int V4l2Device::control(unsigned long request, void* argument) const {
  for (;;) {
    if (calls_.ioctl(descriptor_, request, argument) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

std::vector<std::uint32_t> V4l2Device::formats() const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t index = 0; index < max_entries; ++index) {
    v4l2_fmtdesc format{};
    format.index = index;
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    if (control(VIDIOC_ENUM_FMT, &format) != 0) break;
    found.push_back(format.pixelformat);
  }
  return found;
}

std::vector<V4l2Size> V4l2Device::sizes(std::uint32_t format) const {
  std::vector<V4l2Size> found;
  const auto add = [&](std::uint32_t width, std::uint32_t height) {
    V4l2Size size{
        .width = static_cast<int>(width), .height = static_cast<int>(height), .rates = {}};
    size.rates = rates(format, size.width, size.height);
    found.push_back(std::move(size));
  };
  for (std::uint32_t index = 0; index < max_entries; ++index) {
    v4l2_frmsizeenum size{};
    size.index = index;
    size.pixel_format = format;
    if (control(VIDIOC_ENUM_FRAMESIZES, &size) != 0) break;
    if (size.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
      add(size.discrete.width, size.discrete.height);
      continue;
    }
    add(size.stepwise.max_width, size.stepwise.max_height);
    add(size.stepwise.min_width, size.stepwise.min_height);
    break;
  }
  std::stable_sort(found.begin(), found.end(), [](const V4l2Size& a, const V4l2Size& b) {
    return std::int64_t{a.width} * a.height > std::int64_t{b.width} * b.height;
  });
  return found;
}

std::vector<double> V4l2Device::rates(std::uint32_t format, int width, int height) const {
  std::vector<double> found;
  for (std::uint32_t index = 0; index < max_entries; ++index) {
    v4l2_frmivalenum interval{};
    interval.index = index;
    interval.pixel_format = format;
    interval.width = static_cast<std::uint32_t>(width);
    interval.height = static_cast<std::uint32_t>(height);
    if (control(VIDIOC_ENUM_FRAMEINTERVALS, &interval) != 0) break;
    if (interval.type == V4L2_FRMIVAL_TYPE_DISCRETE) {
      found.push_back(rate_of(interval.discrete));
      continue;
    }
    found.push_back(rate_of(interval.stepwise.min));
    found.push_back(rate_of(interval.stepwise.max));
    break;
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

V4l2Info V4l2Device::info() const {
  v4l2_capability can{};
  if (const int error = control(VIDIOC_QUERYCAP, &can); error != 0) {
    if (error == ENOTTY || error == EINVAL)
      throw Error(fmt::format("{}: this is not a V4L2 camera", path_));
    throw Error(v4l2_reason(calls_, path_, "query its capabilities", error));
  }
  const std::uint32_t does =
      (can.capabilities & V4L2_CAP_DEVICE_CAPS) != 0 ? can.device_caps : can.capabilities;
  V4l2Info info;
  info.path = path_;
  info.card = text_of(can.card, sizeof can.card);
  info.driver = text_of(can.driver, sizeof can.driver);
  info.camera = (does & V4L2_CAP_VIDEO_CAPTURE) != 0 && (does & V4L2_CAP_STREAMING) != 0;
  return info;
}

std::string v4l2_reason(V4l2Calls& calls, const std::string& path, const std::string& doing,
                        int error) {
  switch (error) {
    case ENOENT: {
      const std::vector<std::string> there = calls.devices();
      if (there.empty())
        return fmt::format(
            "{}: no such device, and no other /dev/video*: is a camera "
            "plugged in, and does dmesg list it?",
            path);
      return fmt::format("{}: no such device; there are {}", path, fmt::join(there, ", "));
    }
    case EACCES:
    case EPERM:
      return fmt::format(
          "{}: no permission: add this user to the group video (sudo usermod -aG "
          "video $USER) and log in again",
          path);
    case EBUSY:
      return fmt::format("{}: in use by another program; end that one (fuser {} shows it)", path,
                         path);
    case ENODEV:
    case ENXIO:
      return fmt::format("{}: the camera is gone: was it unplugged?", path);
    case ENOSPC:
      return fmt::format(
          "{}: not enough USB bandwidth: choose a smaller size, or "
          "plug it into another port",
          path);
    default:
      return fmt::format("{}: cannot {}: {}", path, doing, std::strerror(error));
  }
}

std::string v4l2_format_name(std::uint32_t format) {
  std::string name;
  for (int i = 0; i < 4; ++i) {
    const char letter = static_cast<char>(format >> (8 * i) & 0x7F);
    name += letter >= ' ' && letter <= '~' ? letter : '?';
  }
  while (name.ends_with(' ')) name.pop_back();
  return name;
}

bool v4l2_usable(std::uint32_t format) {
  return format == V4L2_PIX_FMT_MJPEG || format == V4L2_PIX_FMT_JPEG || format == V4L2_PIX_FMT_YUYV;
}

std::vector<V4l2Info> list_v4l2_cameras(V4l2Calls& calls) {
  std::vector<V4l2Info> list;
  for (const std::string& path : calls.devices()) {
    V4l2Info info;
    try {
      const V4l2Device device(calls, path);
      info = device.info();
      if (info.camera) {
        for (const std::uint32_t format : device.formats())
          info.formats.push_back({.name = v4l2_format_name(format),
                                  .usable = v4l2_usable(format),
                                  .sizes = device.sizes(format)});
      }
    } catch (const Error& error) {
      info.path = path;
      info.error = error.what();
    }
    list.push_back(std::move(info));
  }
  return list;
}

std::vector<V4l2Info> list_v4l2_cameras() {
  return list_v4l2_cameras(v4l2_kernel());
}

}  // namespace quantring
