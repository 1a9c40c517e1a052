#include "engine/camera/file_frames.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace quantring {

std::string sources_text(const std::vector<std::string>& specs) {
  return specs.size() < 4 ? fmt::format("{}", fmt::join(specs, ", "))
                          : fmt::format("{} and {} more", specs.front(), specs.size() - 1);
}

FileFrames::FileFrames(const std::vector<std::string>& specs, SourceOptions options) {
  if (std::count(specs.begin(), specs.end(), "-") > 1)
    throw OptionError("-: standard input can be read once: name it once");
  options.decode = false;
  options.open_other = [&](const std::string& spec) -> std::unique_ptr<ImageSource> {
    if (!is_pipe(spec)) return nullptr;
    auto pipe = std::make_unique<PipePictures>(open_pipe(spec), spec, options.channels);
    pipes_.push_back(pipe.get());
    return pipe;
  };
  source_ = open_source(specs, options);
  const auto count = source_->size();
  text_ = sources_text(specs);
  if (count) text_ += fmt::format(", {} picture{}", *count, *count == 1 ? "" : "s");
  if (const std::string others = passed_over().text(); !others.empty()) text_ += ", " + others;
}

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

void FileFrames::stop() noexcept {
  stopped_ = true;
  for (PipePictures* const pipe : pipes_) pipe->stop();
}

}  // namespace quantring
