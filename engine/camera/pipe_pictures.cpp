#include "engine/camera/pipe_pictures.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "engine/camera/descriptor_reader.h"
#include "engine/image/formats/foreign_format.h"
#include "engine/image/idx.h"
#include "ops/base/error.h"

namespace quantring {

bool is_pipe(const std::string& spec) {
  std::error_code ignored;
  return spec == "-" || std::filesystem::is_fifo(spec, ignored);
}

std::unique_ptr<ByteReader> open_pipe(const std::string& spec) {
  if (spec != "-") return open_file_reader(spec);
  if (::isatty(STDIN_FILENO) != 0)
    throw OptionError(
        "-: standard input is a terminal: pipe pictures into it, as in cat photo.jpg | quantring "
        "classify -");
  return std::make_unique<DescriptorReader>(STDIN_FILENO, DescriptorReader::Owned::no,
                                            "standard input");
}

PipePictures::PipePictures(std::unique_ptr<ByteReader> reader, std::string name, int channels)
    : reader_(std::move(reader)), name_(std::move(name)), channels_(channels), buffer_(64 << 10) {}

bool PipePictures::next(SourceItem& item) {
  if (idx_) return idx_->next(item);
  while (!splitter_.pop(item.file)) {
    if (broken_ < splitter_.broken()) {
      ++broken_;
      throw Error(fmt::format("{}: a broken JPEG before picture {}", name_, given_));
    }
    if (!read()) return false;
  }
  if (given_ == 0 && looks_like_idx(std::span<const std::byte>(item.file))) {
    const std::vector<std::byte> file = std::exchange(item.file, {});
    idx_ = idx_source(file, name_, {.channels = channels_});
    return idx_->next(item);
  }
  item.name = fmt::format("{}#{}", name_, given_++);
  const std::string format = splitter_.gave_rest() ? foreign_format(item.file) : "";
  if (format.empty()) return true;
  throw Error(fmt::format(
      "{}: {}; where it ends in the pipe cannot be told, so nothing behind it is read: give files",
      item.name, format));
}

// False at the end. Throws Error once if there was nothing.
bool PipePictures::read() {
  if (std::exchange(ended_, true)) return false;  // after an error too
  const std::size_t got = reader_->read(buffer_);
  if (got > 0) {
    splitter_.push({buffer_.data(), got});
    ended_ = empty_ = false;
    return true;
  }
  splitter_.end();
  if (empty_ && !stopped_) throw Error(fmt::format("{}: nothing came: the pipe is empty", name_));
  return true;
}

PassedOver PipePictures::passed_over() const {
  PassedOver passed_over;
  passed_over.unknown_pieces = splitter_.unknown();
  return passed_over;
}

void PipePictures::stop() noexcept {
  stopped_ = true;
  reader_->stop();
}

}  // namespace quantring
