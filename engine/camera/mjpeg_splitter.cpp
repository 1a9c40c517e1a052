#include "engine/camera/mjpeg_splitter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace quantring {
namespace {

constexpr std::uint8_t prefix = 0xFF, stuffed = 0x00, start_of_image = 0xD8, end_of_image = 0xD9,
                       start_of_scan = 0xDA;

// Start of image and a prefix also occur in random data: not counted as a broken picture.
constexpr std::size_t random_prefix = 3;

bool is_restart(std::uint8_t code) {
  return code >= 0xD0 && code <= 0xD7;
}

// Markers followed by a segment with a length. Reserved markers are errors.
bool has_segment(std::uint8_t code) {
  return code >= 0xC0 && code != 0xFF && !is_restart(code) && code != start_of_image &&
         code != end_of_image;
}

std::size_t find_prefix(std::span<const std::byte> bytes) {
  const void* const found = std::memchr(bytes.data(), prefix, bytes.size());
  if (found == nullptr) return bytes.size();
  return static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
}

}  // namespace

void MjpegSplitter::push(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
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
}

void MjpegSplitter::end() {
  if (state_ != State::outside) drop();
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
  segment_left_ -= count;
  if (segment_left_ == 0) state_ = code_ == start_of_scan ? State::coded : State::marker_prefix;
  append(bytes.first(count));
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
  const State before = state_;
  const std::byte one{byte};
  switch (before) {
    case State::marker_prefix:
      if (byte != prefix) return drop();
      state_ = State::marker;
      break;
    case State::length_high:
      segment_left_ = std::size_t{byte} << 8;
      state_ = State::length_low;
      break;
    case State::length_low:
      segment_left_ |= byte;
      if (segment_left_ < 2) return drop();
      segment_left_ -= 2;
      state_ = State::segment;
      if (segment_left_ == 0) state_ = code_ == start_of_scan ? State::coded : State::marker_prefix;
      break;
    case State::coded_prefix:
      if (byte == stuffed || is_restart(byte)) {
        state_ = State::coded;
      } else if (byte != prefix) {
        return take_marker(byte);
      }
      break;
    default:  // marker: the prefix may be repeated
      if (byte != prefix) return take_marker(byte);
  }
  append({&one, 1});
}

void MjpegSplitter::take_marker(std::uint8_t code) {
  if (code == start_of_image) {
    if (frame_.size() > random_prefix) ++broken_;
    return begin();
  }
  const std::byte one{code};
  if (code == end_of_image) {
    if (!has_scan_) return drop();
    append({&one, 1});
    complete_.push_back(std::exchange(frame_, {}));
    state_ = State::outside;
    return;
  }
  if (!has_segment(code)) return drop();
  code_ = code;
  has_scan_ = has_scan_ || code == start_of_scan;
  state_ = State::length_high;
  append({&one, 1});
}

void MjpegSplitter::begin() {
  frame_.assign({std::byte{prefix}, std::byte{start_of_image}});
  has_scan_ = false;
  state_ = State::marker_prefix;
}

void MjpegSplitter::drop() {
  if (frame_.size() > random_prefix) ++broken_;
  frame_.clear();
  state_ = State::outside;
}

void MjpegSplitter::append(std::span<const std::byte> bytes) {
  frame_.insert(frame_.end(), bytes.begin(), bytes.end());
}

}  // namespace quantring
