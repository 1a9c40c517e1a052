#include "engine/camera/picture_splitter.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "engine/image/formats/foreign_format.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using Bytes = std::span<const std::byte>;

bool begins(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char expected, std::byte found) { return std::byte(expected) == found; });
}

bool is_space(std::byte byte) {
  const auto character = static_cast<char>(byte);
  return character == ' ' || (character >= '\t' && character <= '\r');
}

bool is_text(std::byte byte) {
  return is_space(byte) || (byte >= std::byte{' '} && byte < std::byte{0x7F});
}

// Between the pictures of a camera's stream over HTTP.
bool is_multipart(Bytes bytes) {
  return begins(bytes, "--") || begins(bytes, "\r\n--") || begins(bytes, "Content-");
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
      case State::text:
        more = split_text();
        break;
      case State::rest:
        more = ended_ && !pending_.empty();
        if (!more) break;
        rest_ = true;
        complete(pending_.size());
    }
  }
}

// False: more bytes are needed.
bool PictureSplitter::decide() {
  if (!first_)
    pending_.erase(pending_.begin(), std::find_if_not(pending_.begin(), pending_.end(), is_space));
  if (pending_.empty() || (pending_.size() < recognised_bytes && !ended_)) return false;
  const Bytes start = Bytes(pending_).first(std::min(pending_.size(), recognised_bytes));
  if (says_its_size(start)) {
    state_ = State::sized;
  } else if (begins(start, "\xFF\xD8") || is_multipart(start)) {
    state_ = State::jpeg;
  } else if (std::all_of(start.begin(), start.end(), is_text)) {
    state_ = State::text;
  } else {
    state_ = after_jpeg_ ? behind_jpeg(start) : State::rest;
  }
  first_ = false;
  return true;
}

// Cameras and phones put bytes of their own behind a JPEG, even a video. What is known to be
// another file must not be lost among them.
PictureSplitter::State PictureSplitter::behind_jpeg(Bytes start) {
  const auto all = [&](std::size_t count, std::byte value) {
    return std::all_of(start.begin(), start.begin() + static_cast<std::ptrdiff_t>(count),
                       [value](std::byte b) { return b == value; });
  };
  const bool fill = all(start.size(), std::byte{0}) ||
                    all(std::min<std::size_t>(start.size(), 2), std::byte{0xFF});
  if (fill) return State::jpeg;
  const std::string format = foreign_format(start);
  if (!format.empty() && !format.starts_with("a video")) return State::rest;
  ++unknown_;
  return State::jpeg;
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
  const auto size = picture_size(pending_, ended_);
  const bool whole = size && *size <= pending_.size();
  if (!whole && !ended_) return false;
  after_jpeg_ = false;
  complete(whole ? *size : pending_.size());
  return true;
}

// A page of an error in place of a picture: the next JPEG or PNG ends it.
bool PictureSplitter::split_text() {
  constexpr std::size_t signature = 4;
  const auto ends = [&](std::size_t at) {
    return pending_[at] == std::byte{0xFF} || begins(Bytes(pending_).subspan(at), "\x89PNG");
  };
  while (scanned_ < pending_.size() && !ends(scanned_)) ++scanned_;
  if (scanned_ < pending_.size() || ended_) {
    complete(std::exchange(scanned_, 0));
    return true;
  }
  scanned_ -= std::min(scanned_, signature - 1);  // one may have begun
  return false;
}

void PictureSplitter::complete(std::size_t size) {
  const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(size);
  complete_.emplace_back(pending_.begin(), end);
  pending_.erase(pending_.begin(), end);
  state_ = State::between;
}

}  // namespace quantring
