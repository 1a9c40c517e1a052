#include "engine/camera/mjpeg_source.h"

#include <fmt/format.h>

#include <utility>

namespace quantring {
namespace {

constexpr std::size_t read_bytes = 64 << 10;
constexpr std::uint64_t max_bytes_without_frame = 64 << 20;

}  // namespace

MjpegSource::MjpegSource(std::unique_ptr<ByteReader> reader, MjpegOptions options)
    : reader_(std::move(reader)), options_(std::move(options)), bytes_(read_bytes) {}

void MjpegSource::start() {
  reader_->start();
  if (!options_.wait_in_start || !first_.empty() || first_bad_) return;
  try {
    if (!find(first_)) first_.clear();
  } catch (const BadFrame& error) {
    if (ended_ && splitter_.broken() == 0) throw;  // no picture at all
    first_bad_ = error;
  }
}

bool MjpegSource::next(Frame& frame) {
  if (stopped_) return false;
  if (first_bad_) {
    const BadFrame bad = *std::exchange(first_bad_, std::nullopt);
    throw bad;
  }
  std::vector<std::byte> jpeg = std::exchange(first_, {});
  if (jpeg.empty() && !find(jpeg)) return false;
  frame = Frame{};
  frame.name = fmt::format("frame {}", frames_++);
  frame.file = std::move(jpeg);
  frame.taken = Frame::Clock::now();
  return true;
}

bool MjpegSource::find(std::vector<std::byte>& jpeg) {
  while (!stopped_) {
    if (broken_ < splitter_.broken()) {
      ++broken_;
      throw BadFrame(fmt::format("{}: a broken picture before frame {}", options_.name, frames_));
    }
    if (splitter_.pop(jpeg)) {
      read_since_frame_ = 0;
      return true;
    }
    if (ended_) {
      if (frames_ > 0 || splitter_.broken() > 0 || std::exchange(said_empty_, true)) return false;
      throw BadFrame(fmt::format("{}: ended without a JPEG in it", options_.name));
    }
    const std::size_t got = reader_->read(bytes_);
    if (stopped_) return false;
    if (got == 0) {
      ended_ = true;
      splitter_.end();
      continue;
    }
    splitter_.push({bytes_.data(), got});
    read_since_frame_ += got;
    if (read_since_frame_ > max_bytes_without_frame)
      throw Error(fmt::format("{}: no JPEG in the first {} MiB: this is not MJPEG", options_.name,
                              max_bytes_without_frame >> 20));
  }
  return false;
}

void MjpegSource::stop() noexcept {
  stopped_ = true;
  reader_->stop();
}

}  // namespace quantring
