#include "engine/camera/mjpeg_splitter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace quantring {
namespace {

constexpr std::uint8_t prefix = 0xFF, baseline = 0xC0, extended = 0xC1, start_of_image = 0xD8,
                       end_of_image = 0xD9, start_of_scan = 0xDA;

// Start of image and a prefix also occur in random data: not counted as a broken picture.
constexpr std::size_t random_prefix = 3;

// Markers followed by a segment with a length. Reserved markers are errors.
bool has_segment(std::uint8_t code) {
  const bool stands_alone = code >= 0xD0 && code <= end_of_image;  // restarts, start, end
  return code >= 0xC0 && code != 0xFF && !stands_alone;
}

// Of these, what may stand between two scans: tables, comments, the next scan.
bool between_scans(std::uint8_t code) {
  return code == 0xC4 || code == 0xCC || (code >= start_of_scan && code <= 0xDD) ||
         (code >= 0xE0 && code <= 0xEF) || code == 0xFE;
}

std::size_t find_prefix(std::span<const std::byte> bytes) {
  const void* const found = std::memchr(bytes.data(), prefix, bytes.size());
  if (found == nullptr) return bytes.size();
  return static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
}

}  // namespace

void MjpegSplitter::push(std::span<const std::byte> bytes) {
  while (!bytes.empty()) bytes = bytes.subspan(push_picture(bytes));
}

std::size_t MjpegSplitter::push_picture(std::span<const std::byte> bytes) {
  const std::size_t given = bytes.size(), pictures = complete_.size();
  while (!bytes.empty() && complete_.size() == pictures) {
    // Checked at each byte, so that the result does not depend on how the stream is divided.
    if (frame_.size() >= max_frame_bytes_) drop();
    std::size_t taken = 1;
    switch (state_) {
      case State::outside:
        taken = skip_outside(bytes);
        break;
      case State::segment:
        taken = take_segment(bytes);
        break;
      case State::coded:
        taken = take_coded(bytes);
        break;
      default:
        take_byte(static_cast<std::uint8_t>(bytes[0]));
    }
    bytes = bytes.subspan(taken);
  }
  return given - bytes.size();
}

void MjpegSplitter::end() {
  has_scan_ ? complete() : drop();
}

bool MjpegSplitter::pop(std::vector<std::byte>& jpeg) {
  if (complete_.empty()) return false;
  jpeg = std::move(complete_.front());
  complete_.pop_front();
  return true;
}

std::size_t MjpegSplitter::skip_outside(std::span<const std::byte> bytes) {
  const std::size_t at = find_prefix(bytes);
  if (at == bytes.size()) return at;
  state_ = State::outside_prefix;
  return at + 1;
}

std::size_t MjpegSplitter::take_segment(std::span<const std::byte> bytes) {
  const std::size_t count =
      std::min({segment_left_, bytes.size(), max_frame_bytes_ - frame_.size()});
  append(bytes.first(count));
  segment_left_ -= count;
  if (segment_left_ == 0) end_segment();
  return count;
}

std::size_t MjpegSplitter::take_coded(std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min(bytes.size(), max_frame_bytes_ - frame_.size()));
  const std::size_t at = find_prefix(bytes);
  const std::size_t count = std::min(at + 1, bytes.size());
  if (at < bytes.size()) state_ = State::coded_prefix;
  append(bytes.first(count));
  return count;
}

void MjpegSplitter::take_byte(std::uint8_t byte) {
  if (state_ == State::outside_prefix) {
    if (byte == start_of_image) {
      begin();
    } else if (byte != prefix) {
      state_ = State::outside;
    }
    return;
  }
  const std::byte one{byte};
  if (state_ == State::coded_prefix || state_ == State::marker) {
    if (byte != prefix) return take_marker(byte);  // it may be repeated
    return append({&one, 1});
  }
  append({&one, 1});
  switch (state_) {
    case State::length_high:
      segment_left_ = std::size_t{byte} << 8;
      state_ = State::length_low;
      break;
    case State::length_low:
      segment_left_ |= byte;
      if (segment_left_ < 2) return malformed();
      segment_left_ -= 2;
      segment_begin_ = frame_.size();
      state_ = State::segment;
      if (segment_left_ == 0) end_segment();
      break;
    default:  // marker_prefix
      if (byte != prefix) return malformed();
      state_ = State::marker;
  }
}

void MjpegSplitter::take_marker(std::uint8_t code) {
  if (code == start_of_image) {
    frame_.pop_back();  // the prefix
    has_scan_ ? complete() : drop();
    return begin();
  }
  if (!has_scan_ && !has_segment(code)) return drop();
  const std::byte one{code};
  append({&one, 1});
  if (code == end_of_image) return complete();
  if (has_scan_ && !(scans_follow_ && between_scans(code))) {
    state_ = State::coded;  // a restart, a stuffed byte, or anything else behind the pixels
    return;
  }
  code_ = code;
  has_scan_ = has_scan_ || code == start_of_scan;
  state_ = State::length_high;
}

void MjpegSplitter::end_segment() {
  const std::size_t size = frame_.size() - segment_begin_;
  const auto content = [&](std::size_t at) {
    return at < size ? std::to_integer<std::uint8_t>(frame_[segment_begin_ + at]) : std::uint8_t{0};
  };
  if (code_ == baseline || code_ == extended) sequential_components_ = content(5);
  state_ = code_ == start_of_scan ? State::coded : State::marker_prefix;
  if (code_ == start_of_scan)
    scans_follow_ = sequential_components_ == 0 || content(0) != sequential_components_;
}

// What libjpeg skips behind a scan; before one there is no picture.
void MjpegSplitter::malformed() {
  if (!has_scan_) return drop();
  state_ = State::coded;
}

void MjpegSplitter::begin() {
  frame_.assign({std::byte{prefix}, std::byte{start_of_image}});
  sequential_components_ = 0;
  scans_follow_ = false;
  state_ = State::marker_prefix;
}

void MjpegSplitter::complete() {
  complete_.push_back(std::exchange(frame_, {}));
  has_scan_ = false;
  state_ = State::outside;
}

void MjpegSplitter::drop() {
  if (frame_.size() > random_prefix) ++broken_;
  frame_.clear();
  has_scan_ = false;
  state_ = State::outside;
}

void MjpegSplitter::append(std::span<const std::byte> bytes) {
  frame_.insert(frame_.end(), bytes.begin(), bytes.end());
}

}  // namespace quantring
