#pragma once
// A camera of the kernel's (V4L2): its own JPEGs where it has them, else YUYV as pixels.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/camera/frame_source.h"
#include "engine/camera/stop_event.h"
#include "engine/camera/v4l2_calls.h"
#include "engine/camera/v4l2_device.h"

namespace quantring {

struct V4l2Options {
  std::string path;           // "/dev/video0"
  int width = 0, height = 0;  // 0: the camera's own; else the nearest that it has
  double fps = 0;             // the same
  int channels = 3;           // of YUYV's pixels: 1 or 3
};

// A buffer that the driver marks as broken, or that holds less or more than it can: BadFrame.
// Unplugged, or silent for 10 s: Error.
class V4l2Camera final : public FrameSource {
 public:
  // Opens and starts the camera. Throws Error naming the path, the cause and the remedy.
  explicit V4l2Camera(V4l2Options options, V4l2Calls& calls = v4l2_kernel());
  ~V4l2Camera() override;
  bool next(Frame& frame) override;
  void stop() noexcept override { stop_.raise(); }
  bool live() const override { return true; }
  std::string text() const override { return text_; }

 private:
  struct Buffer {
    void* address = nullptr;
    std::size_t length = 0;
  };

  void choose_format();
  void choose_rate();
  void map_buffers();
  void unmap() noexcept;
  void must(unsigned long request, void* argument, const char* doing) const;
  // The number of a buffer that was filled; nothing once stopped.
  std::optional<std::uint32_t> wait_for_buffer(std::size_t& used, bool& broken);
  void take(std::span<const std::byte> bytes, Frame& frame) const;

  V4l2Options options_;
  V4l2Calls& calls_;
  StopEvent stop_;
  V4l2Device device_;
  std::uint32_t format_ = 0;
  int width_ = 0, height_ = 0;
  std::size_t stride_ = 0;
  std::vector<Buffer> buffers_;
  std::uint64_t frames_ = 0;
  std::string text_;
};

}  // namespace quantring
