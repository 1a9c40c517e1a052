#include "engine/camera/picture_splitter.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "ops/base/error.h"

namespace quantring {
namespace {

using Bytes = std::span<const std::byte>;

// The longest that is needed to recognise a format: WebP's.
constexpr std::size_t recognised_bytes = 12;

bool has_at(Bytes bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char expected, std::byte found) { return std::byte(expected) == found; });
}

bool is_space(std::byte byte) {
  const auto character = static_cast<char>(byte);
  return character == ' ' || (character >= '\t' && character <= '\r');
}

bool is_png(Bytes bytes) {
  return has_at(bytes, 0, "\x89PNG\r\n\x1A\n");
}
bool is_webp(Bytes bytes) {
  return has_at(bytes, 0, "RIFF") && has_at(bytes, 8, "WEBP");
}
// With the reserved bytes behind the file's size.
bool is_bmp(Bytes bytes) {
  return has_at(bytes, 0, "BM") && has_at(bytes, 6, std::string_view("\0\0\0\0", 4));
}
bool is_pnm(Bytes bytes) {
  return (has_at(bytes, 0, "P5") || has_at(bytes, 0, "P6")) && bytes.size() > 2 &&
         is_space(bytes[2]);
}

// A camera's stream over HTTP.
bool is_multipart(Bytes bytes) {
  return has_at(bytes, 0, "--") || has_at(bytes, 0, "\r\n--");
}

std::size_t little_endian(Bytes bytes, std::size_t at) {
  std::size_t value = 0;
  for (std::size_t i = 4; i-- > 0;)
    value = value << 8 | std::to_integer<std::size_t>(bytes[at + i]);
  return value;
}

// Each: the size of the file that begins here, or nothing if it is not there yet.
using Size = std::optional<std::size_t>;

Size png_size(Bytes bytes) {
  constexpr std::size_t signature = 8, overhead = 12;  // length, name, checksum
  for (std::size_t at = signature; at + 8 <= bytes.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length = length << 8 | std::to_integer<std::size_t>(bytes[at + i]);
    const bool last = has_at(bytes, at + 4, "IEND");
    at += overhead + length;
    if (last) return at;
  }
  return std::nullopt;
}

Size pnm_size(Bytes bytes) {
  std::size_t numbers[3] = {}, at = 2;  // width, height, largest value
  for (std::size_t& number : numbers) {
    for (bool comment = false;
         at < bytes.size() && (comment || is_space(bytes[at]) || bytes[at] == std::byte{'#'}); ++at)
      comment = comment ? bytes[at] != std::byte{'\n'} : bytes[at] == std::byte{'#'};
    for (; at < bytes.size() && bytes[at] >= std::byte{'0'} && bytes[at] <= std::byte{'9'}; ++at)
      number = std::min(10 * number + std::to_integer<std::size_t>(bytes[at]) - '0',
                        max_streamed_picture_bytes);
  }
  if (at >= bytes.size()) return std::nullopt;
  const std::size_t sample = numbers[2] > 255 ? 2 : 1,
                    channels = bytes[1] == std::byte{'6'} ? 3 : 1;
  const std::size_t row = numbers[0] * channels * sample;  // no overflow: each is limited
  return at + 1 +
         (numbers[1] == 0 || row <= max_streamed_picture_bytes / numbers[1]
              ? row * numbers[1]
              : max_streamed_picture_bytes);
}

bool says_its_size(Bytes bytes) {
  return is_png(bytes) || is_webp(bytes) || is_bmp(bytes) || is_pnm(bytes);
}

Size file_size(Bytes bytes) {
  if (is_png(bytes)) return png_size(bytes);
  if (is_pnm(bytes)) return pnm_size(bytes);
  if (is_bmp(bytes)) {
    constexpr std::size_t smallest_header = 26;
    const std::size_t size = little_endian(bytes, 2);  // may be left out: then there is no end
    return size < smallest_header ? max_streamed_picture_bytes + 1 : size;
  }
  const std::size_t content = little_endian(bytes, 4);
  return 8 + content + content % 2;
}

}  // namespace

void PictureSplitter::push(Bytes bytes) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  split();
  if (pending_.size() > max_streamed_picture_bytes)
    throw Error(fmt::format("a picture of more than {} MiB", max_streamed_picture_bytes >> 20));
}

void PictureSplitter::end() {
  ended_ = true;
  split();
}

bool PictureSplitter::pop(std::vector<std::byte>& picture) {
  if (complete_.empty()) return false;
  picture = std::move(complete_.front());
  complete_.pop_front();
  return true;
}

void PictureSplitter::split() {
  for (bool more = true; more;) {
    switch (state_) {
      case State::between:
        more = decide();
        break;
      case State::jpeg:
        more = split_jpeg();
        break;
      case State::sized:
        more = split_sized();
        break;
      case State::rest:
        more = ended_ && !pending_.empty();
        if (more) complete(pending_.size());
    }
  }
}

// False: more bytes are needed.
bool PictureSplitter::decide() {
  if (!first_)
    pending_.erase(pending_.begin(), std::find_if_not(pending_.begin(), pending_.end(), is_space));
  if (pending_.empty() || (pending_.size() < recognised_bytes && !ended_)) return false;
  if (says_its_size(pending_)) {
    state_ = State::sized;
  } else if (after_jpeg_ || has_at(pending_, 0, "\xFF\xD8") || is_multipart(pending_)) {
    state_ = State::jpeg;
  } else {
    state_ = State::rest;
  }
  first_ = false;
  return true;
}

bool PictureSplitter::split_jpeg() {
  const std::size_t taken = jpegs_.push_picture(pending_);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(taken));
  if (ended_ && pending_.empty()) jpegs_.end();
  std::vector<std::byte> jpeg;
  if (!jpegs_.pop(jpeg)) return false;
  complete_.push_back(std::move(jpeg));
  after_jpeg_ = true;
  if (!jpegs_.inside()) state_ = State::between;
  return true;
}

bool PictureSplitter::split_sized() {
  const Size size = file_size(pending_);
  const bool whole = size && *size <= pending_.size();
  if (!whole && !ended_) return false;
  after_jpeg_ = false;
  complete(whole ? *size : pending_.size());
  return true;
}

void PictureSplitter::complete(std::size_t size) {
  const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(size);
  complete_.emplace_back(pending_.begin(), end);
  pending_.erase(pending_.begin(), end);
  state_ = State::between;
}

}  // namespace quantring
