#pragma once
// An MJPEG stream as frames.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/camera/byte_reader.h"
#include "engine/camera/frame_source.h"
#include "engine/camera/mjpeg_splitter.h"

namespace quantring {

struct MjpegOptions {
  std::string name;  // for error texts
  std::string text;  // of FrameSource::text
  bool live = true;
  bool wait_in_start = false;  // start() waits for the first frame
};

// BadFrame: a picture that is broken before its pixels, and a stream that ends without any picture.
// Error: 64 MiB without a picture.
class MjpegSource final : public FrameSource {
 public:
  MjpegSource(std::unique_ptr<ByteReader> reader, MjpegOptions options);
  void start() override;
  bool next(Frame& frame) override;
  void stop() noexcept override;
  bool live() const override { return options_.live; }
  std::string text() const override { return options_.text; }

 private:
  bool find(std::vector<std::byte>& jpeg);

  std::unique_ptr<ByteReader> reader_;
  MjpegOptions options_;
  MjpegSplitter splitter_;
  std::vector<std::byte> bytes_;  // read buffer
  std::vector<std::byte> first_;  // found by start()
  std::optional<BadFrame> first_bad_;
  std::uint64_t frames_ = 0, broken_ = 0, read_since_frame_ = 0;
  std::atomic<bool> stopped_ = false;
  bool ended_ = false, said_empty_ = false;
};

}  // namespace quantring
