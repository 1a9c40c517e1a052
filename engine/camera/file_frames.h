#pragma once
// Picture files as frames.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/camera/frame_source.h"
#include "engine/camera/pipe_pictures.h"
#include "engine/image/image_source.h"

namespace quantring {

// Of a run's sources: "a.jpg, b.jpg", "a.jpg and 7 more".
std::string sources_text(const std::vector<std::string>& specs);

// Each picture as the bytes of its file, or as pixels if it is from an IDX file. One that cannot be
// read: BadFrame; the next call continues after it.
class FileFrames final : public FrameSource {
 public:
  // specs: as for open_source, or pipes (pipe_pictures.h), "-" among them. Files are not decoded,
  // whatever the options say. Throws as open_source does.
  FileFrames(const std::vector<std::string>& specs, SourceOptions options);
  bool next(Frame& frame) override;
  void stop() noexcept override;
  bool live() const override { return false; }
  std::string text() const override { return text_; }
  // Pictures; 0 while it is not known.
  std::size_t size() const { return source_->size().value_or(0); }
  PassedOver passed_over() const { return source_->passed_over(); }

 private:
  std::vector<PipePictures*> pipes_;  // owned by the source
  std::unique_ptr<ImageSource> source_;
  std::string text_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace quantring
