#include "engine/camera/file_frames.h"

#include <fmt/format.h>

#include <utility>

namespace quantring {

FileFrames::FileFrames(const std::string& spec, int channels, const std::string& labels_file,
                       std::size_t limit)
    : source_(open_source(
          spec,
          {.channels = channels, .labels_file = labels_file, .limit = limit, .decode = false})),
      text_(fmt::format("{}, {} picture{}", spec, source_->size(),
                        source_->size() == 1 ? "" : "s")) {}

bool FileFrames::next(Frame& frame) {
  if (stopped_) return false;
  SourceItem item;
  try {
    if (!source_->next(item)) return false;
  } catch (const Error& error) {
    throw BadFrame(error.what());
  }
  frame = Frame{.name = std::move(item.name),
                .file = std::move(item.file),
                .image = std::move(item.image),
                .label = item.label,
                .taken = Frame::Clock::now()};
  return true;
}

}  // namespace quantring
