#include "engine/camera/v4l2/v4l2_camera.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/videodev2.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/camera/v4l2/yuyv.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

constexpr std::uint32_t buffer_count = 4;
constexpr int timeout_ms = 10'000;

bool is_jpeg(std::uint32_t format) {
  return format == V4L2_PIX_FMT_MJPEG || format == V4L2_PIX_FMT_JPEG;
}

// Distance of a size from the requested one; 0 for a side that was not requested.
std::int64_t distance(const V4l2Size& size, int width, int height) {
  return (width > 0 ? std::abs(std::int64_t{size.width} - width) : 0) +
         (height > 0 ? std::abs(std::int64_t{size.height} - height) : 0);
}

v4l2_buffer empty_buffer(std::uint32_t index) {
  v4l2_buffer buffer{};
  buffer.index = index;
  buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  buffer.memory = V4L2_MEMORY_MMAP;
  return buffer;
}

}  // namespace

V4l2Camera::V4l2Camera(V4l2Options options, V4l2Calls& calls)
    : options_(std::move(options)), calls_(calls), device_(calls, options_.path) {
  const V4l2Info info = device_.info();
  if (!info.camera)
    throw Error(fmt::format(
        "{}: {} delivers no pictures on this device node: a camera has several, try "
        "another of {}",
        options_.path, info.card.empty() ? "it" : info.card, fmt::join(calls_.devices(), ", ")));
  choose_format();
  choose_rate();
  try {
    map_buffers();
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    must(VIDIOC_STREAMON, &type, "start it");
  } catch (...) {
    unmap();
    throw;
  }
}

V4l2Camera::~V4l2Camera() {
  int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  device_.control(VIDIOC_STREAMOFF, &type);
  unmap();
}

void V4l2Camera::must(unsigned long request, void* argument, const char* doing) const {
  if (const int error = device_.control(request, argument); error != 0)
    throw Error(v4l2_reason(calls_, options_.path, doing, error));
}

void V4l2Camera::choose_format() {
  const std::vector<std::uint32_t> formats = device_.formats();
  const auto has = [&formats](std::uint32_t format) {
    return std::find(formats.begin(), formats.end(), format) != formats.end();
  };
  for (const std::uint32_t format : {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_JPEG, V4L2_PIX_FMT_MJPEG})
    if (has(format)) format_ = format;
  if (format_ == 0) {
    std::vector<std::string> names;
    for (const std::uint32_t format : formats) names.push_back(v4l2_format_name(format));
    throw Error(fmt::format(
        "{}: offers {}, but only MJPG and YUYV can be read; for a camera on a "
        "Jetson's CSI connector use csi://0",
        options_.path, names.empty() ? "no format" : fmt::format("{}", fmt::join(names, ", "))));
  }
  v4l2_format format{};
  format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  must(VIDIOC_G_FMT, &format, "ask for its format");
  v4l2_pix_format& pix = format.fmt.pix;
  if (options_.width > 0 || options_.height > 0) {
    const std::vector<V4l2Size> sizes = device_.sizes(format_);
    const auto nearest =
        std::min_element(sizes.begin(), sizes.end(), [this](const auto& a, const auto& b) {
          return distance(a, options_.width, options_.height) <
                 distance(b, options_.width, options_.height);
        });
    v4l2_frmsizeenum kind{};
    kind.pixel_format = format_;
    const bool listed = device_.control(VIDIOC_ENUM_FRAMESIZES, &kind) == 0 &&
                        kind.type == V4L2_FRMSIZE_TYPE_DISCRETE && nearest != sizes.end();
    // In a range the driver chooses the nearest.
    if (listed || options_.width > 0)
      pix.width = static_cast<std::uint32_t>(listed ? nearest->width : options_.width);
    if (listed || options_.height > 0)
      pix.height = static_cast<std::uint32_t>(listed ? nearest->height : options_.height);
  }
  pix.pixelformat = format_;
  pix.field = V4L2_FIELD_ANY;
  pix.bytesperline = pix.sizeimage = 0;
  must(VIDIOC_S_FMT, &format, "set its format");
  width_ = static_cast<int>(std::min<std::uint32_t>(pix.width, image_max_side + 1));
  height_ = static_cast<int>(std::min<std::uint32_t>(pix.height, image_max_side + 1));
  stride_ = std::max<std::size_t>(pix.bytesperline, 2 * static_cast<std::size_t>(width_));
  if (pix.pixelformat != format_ || width_ < 2 || height_ < 1 || width_ > image_max_side ||
      height_ > image_max_side || (!is_jpeg(format_) && width_ % 2 != 0))
    throw Error(fmt::format("{}: the driver set {} x {} {} instead of {}", options_.path, width_,
                            height_, v4l2_format_name(pix.pixelformat), v4l2_format_name(format_)));
  text_ =
      fmt::format("v4l2://{}, {} {}x{}", options_.path, v4l2_format_name(format_), width_, height_);
}

void V4l2Camera::choose_rate() {
  v4l2_streamparm parameters{};
  parameters.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  if (device_.control(VIDIOC_G_PARM, &parameters) != 0) return;
  v4l2_fract& interval = parameters.parm.capture.timeperframe;
  if (options_.fps > 0 && (parameters.parm.capture.capability & V4L2_CAP_TIMEPERFRAME) != 0) {
    // The driver chooses the nearest.
    interval.numerator = 1000;
    interval.denominator = static_cast<std::uint32_t>(std::lround(options_.fps * 1000));
    if (device_.control(VIDIOC_S_PARM, &parameters) != 0) return;
  }
  if (interval.numerator > 0 && interval.denominator > 0)
    text_ +=
        fmt::format(" at {:.3g}/s", static_cast<double>(interval.denominator) / interval.numerator);
}

void V4l2Camera::map_buffers() {
  v4l2_requestbuffers request{};
  request.count = buffer_count;
  request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  request.memory = V4L2_MEMORY_MMAP;
  must(VIDIOC_REQBUFS, &request, "get buffers");
  for (std::uint32_t index = 0; index < std::min(request.count, buffer_count); ++index) {
    v4l2_buffer buffer = empty_buffer(index);
    must(VIDIOC_QUERYBUF, &buffer, "get a buffer");
    void* const address = calls_.mmap(buffer.length, device_.descriptor(), buffer.m.offset);
    if (address == MAP_FAILED)
      throw Error(v4l2_reason(calls_, options_.path, "map a buffer", errno));
    buffers_.push_back({address, buffer.length});
    must(VIDIOC_QBUF, &buffer, "queue a buffer");
  }
  if (buffers_.empty())
    throw Error(fmt::format("{}: the driver allocates no buffers", options_.path));
}

void V4l2Camera::unmap() noexcept {
  for (const Buffer& buffer : buffers_) calls_.munmap(buffer.address, buffer.length);
  v4l2_requestbuffers none{};
  none.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  none.memory = V4L2_MEMORY_MMAP;
  if (!buffers_.empty()) device_.control(VIDIOC_REQBUFS, &none);
  buffers_.clear();
}

std::optional<std::uint32_t> V4l2Camera::wait_for_buffer(std::size_t& used, bool& broken) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    pollfd waiting[2] = {{.fd = stop_.descriptor(), .events = POLLIN, .revents = 0},
                         {.fd = device_.descriptor(), .events = POLLIN, .revents = 0}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const int ready =
        calls_.poll(waiting, 2, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw Error(v4l2_reason(calls_, options_.path, "wait for it", errno));
    if (waiting[0].revents != 0) return std::nullopt;
    if (ready == 0)
      throw Error(fmt::format("{}: no picture for {} s", options_.path, timeout_ms / 1000));
    v4l2_buffer buffer = empty_buffer(0);
    const int error = device_.control(VIDIOC_DQBUF, &buffer);
    // A spurious wakeup, unless poll reported an error.
    if (error == EAGAIN && (waiting[1].revents & (POLLERR | POLLHUP | POLLNVAL)) == 0 &&
        Clock::now() < deadline)
      continue;
    if (error != 0)
      throw Error(
          v4l2_reason(calls_, options_.path, "take a picture", error == EAGAIN ? EIO : error));
    if (buffer.index >= buffers_.size())
      throw Error(
          fmt::format("{}: the driver returned a buffer that was never queued", options_.path));
    used = buffer.bytesused;
    broken = (buffer.flags & V4L2_BUF_FLAG_ERROR) != 0;
    return buffer.index;
  }
}

bool V4l2Camera::next(Frame& frame) {
  if (stop_.raised()) return false;
  std::size_t used = 0;
  bool broken = false;
  const auto index = wait_for_buffer(used, broken);
  if (!index) return false;
  frame = Frame{};
  frame.taken = Frame::Clock::now();
  frame.name = fmt::format("frame {}", frames_);
  const Buffer& buffer = buffers_[*index];
  std::optional<std::string> bad;
  if (broken || used == 0 || used > buffer.length) {
    bad = fmt::format("{}: {}: marked as broken by the driver ({} bytes)", options_.path,
                      frame.name, used);
  } else {
    try {
      take({static_cast<const std::byte*>(buffer.address), used}, frame);
    } catch (const Error& error) {
      bad = fmt::format("{}: {}: {}", options_.path, frame.name, error.what());
    }
  }
  v4l2_buffer back = empty_buffer(*index);
  must(VIDIOC_QBUF, &back, "return a buffer");
  if (bad) throw BadFrame(*bad);
  ++frames_;
  return true;
}

void V4l2Camera::take(std::span<const std::byte> bytes, Frame& frame) const {
  if (!is_jpeg(format_)) {
    frame.image = image_from_yuyv(bytes, width_, height_, stride_, options_.channels);
    return;
  }
  if (bytes.size() < 4 || bytes[0] != std::byte{0xFF} || bytes[1] != std::byte{0xD8})
    throw Error("not a JPEG");
  frame.file.assign(bytes.begin(), bytes.end());
}

}  // namespace quantring
