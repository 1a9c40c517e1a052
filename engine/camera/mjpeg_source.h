#pragma once
// The pictures of an MJPEG stream as frames.

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
  std::string name;  // stands in error texts
  std::string text;  // what FrameSource::text says
  bool live = true;
  bool wait_in_start = false;  // for the first frame
};

// A picture of the stream that is broken, or cut off by its end: BadFrame. So is a stream that ends
// without having held any picture. No picture in 64 MiB: Error.
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
  std::vector<std::byte> bytes_;  // room to read into
  std::vector<std::byte> first_;  // the frame that start() waited for
  std::optional<BadFrame> first_bad_;
  std::uint64_t frames_ = 0, broken_ = 0, read_since_frame_ = 0;
  std::atomic<bool> stopped_ = false;
  bool ended_ = false;
};

}  // namespace quantring
