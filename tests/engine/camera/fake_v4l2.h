#pragma once
// Mock of a kernel with one camera, after the V4L2 documentation: checks the order of calls and
// fails where the test asks for it.

#include <linux/videodev2.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/camera/v4l2/v4l2_calls.h"

namespace quantring {

class FakeV4l2 final : public V4l2Calls {
 public:
  struct Size {
    std::uint32_t width, height;
    std::vector<std::uint32_t> rates;
  };
  struct Filled {
    std::vector<std::byte> bytes;
    std::uint32_t flags = 0;
    std::optional<std::uint32_t> claims;  // bytesused, if wrong
    std::optional<std::uint32_t> index;   // likewise
  };

  // Properties.
  std::string path = "/dev/video0";
  std::vector<std::string> nodes = {"/dev/video0", "/dev/video1"};
  std::uint32_t capabilities =
      V4L2_CAP_DEVICE_CAPS | V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING;
  std::uint32_t device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
  std::vector<std::pair<std::uint32_t, std::vector<Size>>> formats = {
      {V4L2_PIX_FMT_YUYV, {{640, 480, {30, 15}}, {320, 240, {30}}}},
      {V4L2_PIX_FMT_MJPEG, {{1920, 1080, {30}}, {640, 480, {60, 30}}, {1280, 720, {30}}}}};
  bool stepwise = false;
  std::uint32_t extra_stride = 0;
  std::uint32_t buffer_bytes = 4096;
  // Failures: errno of every such call; of the next one only.
  std::map<unsigned long, int> fails;
  std::deque<std::pair<unsigned long, int>> fails_once;
  int open_fails = 0, mmap_fails = 0;
  std::uint32_t lies_format = 0;  // S_FMT sets this one
  std::deque<int> poll_results;   // revents, 0: timeout, -errno
  std::deque<Filled> frames;      // one for each DQBUF; none left: EAGAIN

  // Observed.
  v4l2_pix_format set{};
  v4l2_fract interval{1, 30};
  bool streaming = false, is_open = false;
  int queued = 0, mapped = 0, interrupted = 0;
  std::vector<int> poll_waits;

  int open(const char* wanted) override {
    if (path != wanted) return failed(ENOENT);
    if (open_fails != 0) return failed(open_fails);
    is_open = true;
    return descriptor;
  }
  int close(int device) override {
    if (device != descriptor || !is_open || mapped != 0 || streaming) std::abort();
    is_open = false;
    return 0;
  }
  int ioctl(int device, unsigned long request, void* argument) override {
    if (device != descriptor || !is_open) std::abort();
    // Every call is interrupted once first.
    if (interrupt_ != request) {
      interrupt_ = request;
      ++interrupted;
      return failed(EINTR);
    }
    interrupt_ = 0;
    if (!fails_once.empty() && fails_once.front().first == request) {
      const int error = fails_once.front().second;
      fails_once.pop_front();
      return failed(error);
    }
    if (const auto found = fails.find(request); found != fails.end()) return failed(found->second);
    const int error = answer(request, argument);
    return error == 0 ? 0 : failed(error);
  }
  void* mmap(std::size_t length, int, std::size_t offset) override {
    if (mmap_fails != 0) {
      errno = mmap_fails;
      return MAP_FAILED;
    }
    if (length != buffer_bytes || offset % 4096 != 0 || offset / 4096 >= memory_.size())
      std::abort();
    ++mapped;
    return memory_[offset / 4096].data();
  }
  int munmap(void* address, std::size_t length) override {
    const bool known = std::any_of(memory_.begin(), memory_.end(), [address](const auto& buffer) {
      return buffer.data() == address;
    });
    if (!known || length != buffer_bytes) std::abort();
    --mapped;
    return 0;
  }
  int poll(pollfd* descriptors, int count, int milliseconds) override {
    poll_waits.push_back(milliseconds);
    if (count != 2) std::abort();
    if (::poll(descriptors, 1, 0) > 0) return 1;  // stop
    if (poll_results.empty()) {
      if (frames.empty()) return ::poll(descriptors, 1, -1);  // until stopped
      descriptors[1].revents = POLLIN;
      return 1;
    }
    const int result = poll_results.front();
    poll_results.pop_front();
    if (result < 0) return failed(-result);
    descriptors[1].revents = static_cast<short>(result);
    return result == 0 ? 0 : 1;
  }
  std::vector<std::string> devices() override { return nodes; }

 private:
  static constexpr int descriptor = 77;

  static int failed(int error) {
    errno = error;
    return -1;
  }

  const std::vector<Size>* sizes_of(std::uint32_t format) const {
    for (const auto& [known, sizes] : formats)
      if (known == format) return &sizes;
    return nullptr;
  }

  int answer(unsigned long request, void* argument) {
    switch (request) {
      case VIDIOC_QUERYCAP: {
        auto& can = *static_cast<v4l2_capability*>(argument);
        std::strcpy(reinterpret_cast<char*>(can.card), "Fake\x1b Cam");
        std::strcpy(reinterpret_cast<char*>(can.driver), "fakevideo");
        can.capabilities = capabilities;
        can.device_caps = device_caps;
        return 0;
      }
      case VIDIOC_ENUM_FMT: {
        auto& format = *static_cast<v4l2_fmtdesc*>(argument);
        if (format.type != V4L2_BUF_TYPE_VIDEO_CAPTURE || format.index >= formats.size())
          return EINVAL;
        format.pixelformat = formats[format.index].first;
        return 0;
      }
      case VIDIOC_ENUM_FRAMESIZES:
        return enumerate_sizes(*static_cast<v4l2_frmsizeenum*>(argument));
      case VIDIOC_ENUM_FRAMEINTERVALS:
        return enumerate_rates(*static_cast<v4l2_frmivalenum*>(argument));
      case VIDIOC_G_FMT: {
        auto& format = *static_cast<v4l2_format*>(argument);
        format.fmt.pix.width = 640;
        format.fmt.pix.height = 480;
        format.fmt.pix.pixelformat = formats.empty() ? 0 : formats[0].first;
        return 0;
      }
      case VIDIOC_S_FMT:
        return set_format(static_cast<v4l2_format*>(argument)->fmt.pix);
      case VIDIOC_G_PARM:
      case VIDIOC_S_PARM: {
        auto& capture = static_cast<v4l2_streamparm*>(argument)->parm.capture;
        if (request == VIDIOC_S_PARM) set_rate(capture.timeperframe);
        capture.capability = V4L2_CAP_TIMEPERFRAME;
        capture.timeperframe = interval;
        return 0;
      }
      case VIDIOC_REQBUFS: {
        auto& buffers = *static_cast<v4l2_requestbuffers*>(argument);
        if (buffers.memory != V4L2_MEMORY_MMAP) return EINVAL;
        if (mapped != 0) return EBUSY;
        memory_.assign(buffers.count, std::vector<std::byte>(buffer_bytes));
        queue_.clear();
        return 0;
      }
      case VIDIOC_QUERYBUF: {
        auto& buffer = *static_cast<v4l2_buffer*>(argument);
        if (buffer.index >= memory_.size()) return EINVAL;
        buffer.length = buffer_bytes;
        buffer.m.offset = buffer.index * 4096;
        return 0;
      }
      case VIDIOC_QBUF: {
        const auto& buffer = *static_cast<const v4l2_buffer*>(argument);
        if (buffer.index >= memory_.size() || buffer.memory != V4L2_MEMORY_MMAP ||
            std::find(queue_.begin(), queue_.end(), buffer.index) != queue_.end())
          return EINVAL;
        queue_.push_back(buffer.index);
        ++queued;
        return 0;
      }
      case VIDIOC_DQBUF:
        return dequeue(*static_cast<v4l2_buffer*>(argument));
      case VIDIOC_STREAMON:
        if (queue_.empty()) return EINVAL;
        streaming = true;
        return 0;
      case VIDIOC_STREAMOFF:
        streaming = false;
        queue_.clear();
        return 0;
      default:
        return ENOTTY;
    }
  }

  int enumerate_sizes(v4l2_frmsizeenum& size) const {
    const auto* const sizes = sizes_of(size.pixel_format);
    if (sizes == nullptr || size.index >= (stepwise ? 1 : sizes->size())) return EINVAL;
    if (stepwise) {
      size.type = V4L2_FRMSIZE_TYPE_STEPWISE;
      size.stepwise = {32, 2048, 16, 16, 1024, 8};
    } else {
      size.type = V4L2_FRMSIZE_TYPE_DISCRETE;
      size.discrete = {(*sizes)[size.index].width, (*sizes)[size.index].height};
    }
    return 0;
  }

  int enumerate_rates(v4l2_frmivalenum& rate) const {
    const auto* const sizes = sizes_of(rate.pixel_format);
    if (sizes == nullptr) return EINVAL;
    for (const Size& size : *sizes) {
      if (size.width != rate.width || size.height != rate.height) continue;
      if (rate.index >= size.rates.size()) return EINVAL;
      rate.type = V4L2_FRMIVAL_TYPE_DISCRETE;
      rate.discrete = {1, size.rates[rate.index]};
      return 0;
    }
    return EINVAL;
  }

  int set_format(v4l2_pix_format& pix) {
    if (lies_format != 0) pix.pixelformat = lies_format;
    if (stepwise) {
      pix.width = std::clamp<std::uint32_t>(pix.width / 16 * 16, 32, 2048);
      pix.height = std::clamp<std::uint32_t>(pix.height / 8 * 8, 16, 1024);
    }
    pix.bytesperline = pix.pixelformat == V4L2_PIX_FMT_YUYV ? 2 * pix.width + extra_stride : 0;
    pix.sizeimage = buffer_bytes;
    set = pix;
    return 0;
  }

  void set_rate(const v4l2_fract& asked) {
    const double wanted = static_cast<double>(asked.denominator) / asked.numerator;
    const auto* const sizes = sizes_of(set.pixelformat);
    double nearest = 1e9;
    for (const Size& size : *sizes) {
      if (size.width != set.width || size.height != set.height) continue;
      for (const std::uint32_t rate : size.rates) {
        if (std::abs(rate - wanted) >= std::abs(nearest - wanted)) continue;
        nearest = rate;
        interval = {1, rate};
      }
    }
  }

  int dequeue(v4l2_buffer& buffer) {
    if (!streaming) return EINVAL;
    if (frames.empty() || queue_.empty()) return EAGAIN;
    const Filled frame = frames.front();
    frames.pop_front();
    const std::uint32_t index = queue_.front();
    queue_.pop_front();
    std::copy(frame.bytes.begin(), frame.bytes.end(), memory_[index].begin());
    buffer.index = frame.index.value_or(index);
    buffer.bytesused = frame.claims.value_or(static_cast<std::uint32_t>(frame.bytes.size()));
    buffer.flags = frame.flags;
    buffer.length = buffer_bytes;
    return 0;
  }

  unsigned long interrupt_ = 0;
  std::vector<std::vector<std::byte>> memory_;
  std::deque<std::uint32_t> queue_;
};

}  // namespace quantring
