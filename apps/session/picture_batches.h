#pragma once
// Pictures of a source as batches of pixels: reads, decodes and preprocesses.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/camera/file_frames.h"
#include "engine/camera/frame_feed.h"
#include "engine/model/model_file.h"

namespace quantring {

// Where pictures come from.
struct PictureSource {
  std::function<bool(Frame&)> next;  // false at the end; throws BadFrame for one that is unreadable
  std::function<void()> stop;        // ends a next() that waits; from any thread
  bool live = false;                 // FrameSource::live
};
// Both must outlive what they are given to.
PictureSource picture_source(FrameSource& source);
PictureSource picture_source(FrameFeed& feed);

struct PictureBatch {
  std::vector<std::byte> pixels;  // uint8 [images, channels, height, width]
  std::vector<Frame> frames;      // of each image; the picture itself only if it is kept
};

// The picture of a frame: decoded where it is a file. channels: 1 or 3. Throws Error naming it.
Image frame_image(const Frame& frame, int channels);

struct PictureBatchOptions {
  int batch = 1;            // images at most
  std::uint64_t limit = 0;  // pictures in all, without unreadable ones; 0: no limit
  bool keep_pictures = false;
};

class PictureBatches {
 public:
  // unreadable: gets one line, which names the picture, for each that cannot be read.
  using Unreadable = std::function<void(const std::string& line)>;
  PictureBatches(PictureSource source, const ModelFile& model, PictureBatchOptions options,
                 Unreadable unreadable);

  // False when there are no more. Throws Error for a label that the model has no class for, and
  // when the source broke.
  bool next(PictureBatch& batch);

 private:
  bool read(Frame& frame);
  void add(Frame&& frame, PictureBatch& batch);

  PictureSource source_;
  const ModelFile& model_;
  PictureBatchOptions options_;
  Unreadable unreadable_;
  std::uint64_t read_ = 0;
};

}  // namespace quantring
