#pragma once
// Picture files as frames.

#include <atomic>
#include <memory>
#include <string>

#include "engine/camera/frame_source.h"
#include "engine/image/image_source.h"

namespace quantring {

// Each picture as the bytes of its file, or as pixels if it is from an IDX file. One that cannot be
// read: BadFrame; the next call continues after it.
class FileFrames final : public FrameSource {
 public:
  // spec, labels_file, limit: as for open_source, errors too.
  FileFrames(const std::string& spec, int channels, const std::string& labels_file,
             std::size_t limit = 0);
  bool next(Frame& frame) override;
  void stop() noexcept override { stopped_ = true; }
  bool live() const override { return false; }
  std::string text() const override { return text_; }
  std::size_t size() const { return source_->size(); }  // pictures

 private:
  std::unique_ptr<ImageSource> source_;
  std::string text_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace quantring
