#pragma once
// A V4L2 camera: its JPEGs as they are if it offers them, else YUYV as pixels.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/camera/frame_source.h"
#include "engine/camera/stop_event.h"
#include "engine/camera/v4l2/v4l2_calls.h"
#include "engine/camera/v4l2/v4l2_device.h"

namespace quantring {

struct V4l2Options {
  std::string path;           // "/dev/video0"
  int width = 0, height = 0;  // the nearest that it offers; 0: its default
  double fps = 0;             // likewise
  int channels = 3;           // of pixels from YUYV: 1 or 3
};

// BadFrame: a buffer that the driver marks as broken or whose size is wrong. Error: unplugged, or
// no frame for 10 s.
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
  // The index of a filled buffer; nullopt once stopped.
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
