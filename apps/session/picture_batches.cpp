#include "apps/session/picture_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/image/preprocess.h"
#include "ops/base/error.h"

namespace quantring {

PictureSource picture_source(FrameSource& source) {
  return {[&source](Frame& frame) { return source.next(frame); }, [&source] { source.stop(); },
          source.live()};
}

PictureSource picture_source(FrameFeed& feed) {
  return {[&feed](Frame& frame) { return feed.next(frame); }, [&feed] { feed.stop(); },
          feed.live()};
}

Image frame_image(const Frame& frame, int channels) {
  // The file may be empty, and is then no picture.
  const bool decoded = frame.file.empty() && !frame.image.pixels.empty();
  return decoded ? convert_channels(frame.image, channels)
                 : decode_image(frame.file, channels, frame.name);
}

PictureBatches::PictureBatches(PictureSource source, const ModelFile& model,
                               PictureBatchOptions options, Unreadable unreadable)
    : source_(std::move(source)),
      model_(model),
      options_(options),
      unreadable_(std::move(unreadable)) {}

bool PictureBatches::next(PictureBatch& batch) {
  batch.pixels.clear();
  batch.frames.clear();
  Frame frame;
  while (batch.frames.size() < static_cast<std::size_t>(options_.batch) && read(frame)) {
    add(std::move(frame), batch);
    frame = {};
  }
  return !batch.frames.empty();
}

bool PictureBatches::read(Frame& frame) {
  if (options_.limit > 0 && read_ == options_.limit) return false;
  for (;;) {
    try {
      return source_.next(frame);
    } catch (const BadFrame& error) {
      unreadable_(error.what());
    }
  }
}

void PictureBatches::add(Frame&& frame, PictureBatch& batch) {
  // The labels of a single class are 1 and 0: it applies, or not.
  const int classes = std::max(2, model_.architecture().classes);
  if (frame.label >= classes) {
    throw Error(fmt::format("{}: its label is class {}, but the model has classes 0 to {}",
                            frame.name, frame.label, classes - 1));
  }
  const PreprocessConfig& config = model_.preprocess();
  const std::size_t begin = batch.pixels.size(), bytes = config.pixel_count();
  batch.pixels.resize(begin + bytes);
  auto* const out = reinterpret_cast<std::uint8_t*>(batch.pixels.data()) + begin;
  try {
    const bool ready = frame.file.empty() && frame.image.channels == config.channels;
    to_pixels(ready ? frame.image : frame_image(frame, config.channels), config, {out, bytes});
  } catch (const Error& error) {
    batch.pixels.resize(begin);
    const std::string text = error.what();
    const bool named = text.find(frame.name) != std::string::npos;
    unreadable_(named ? text : fmt::format("{}: {}", frame.name, text));
    return;
  }
  ++read_;
  if (!options_.keep_pictures) {
    frame.file = {};
    frame.image = {};
  }
  batch.frames.push_back(std::move(frame));
}

}  // namespace quantring
