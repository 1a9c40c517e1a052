#include "engine/camera/mjpeg_splitter.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace quantring {
namespace {

constexpr std::uint8_t prefix = 0xFF, stuffed = 0x00, start_of_image = 0xD8, end_of_image = 0xD9,
                       start_of_scan = 0xDA;

// Start of image and a prefix: not yet more than noise can hold.
constexpr std::size_t begun = 3;

bool is_restart(std::uint8_t code) {
  return code >= 0xD0 && code <= 0xD7;
}

// Markers that a segment with a length follows. What the standard reserves is no picture's.
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
    // At this very byte, so that it does not matter how the stream is cut.
    if (frame_.size() >= largest_frame_) drop();
    std::size_t taken = 1;
    switch (place_) {
      case Place::outside:
        taken = pass_outside(bytes);
        break;
      case Place::segment:
        taken = take_segment(bytes);
        break;
      case Place::coded:
        taken = take_coded(bytes);
        break;
      default:
        take_byte(static_cast<std::uint8_t>(bytes[0]));
    }
    bytes = bytes.subspan(taken);
  }
}

void MjpegSplitter::end() {
  if (place_ != Place::outside) drop();
}

bool MjpegSplitter::pop(std::vector<std::byte>& jpeg) {
  if (whole_.empty()) return false;
  jpeg = std::move(whole_.front());
  whole_.pop_front();
  return true;
}

std::size_t MjpegSplitter::pass_outside(std::span<const std::byte> bytes) {
  const std::size_t at = find_prefix(bytes);
  if (at == bytes.size()) return at;
  place_ = Place::outside_prefix;
  return at + 1;
}

std::size_t MjpegSplitter::take_segment(std::span<const std::byte> bytes) {
  const std::size_t count = std::min({segment_left_, bytes.size(), largest_frame_ - frame_.size()});
  segment_left_ -= count;
  if (segment_left_ == 0) place_ = code_ == start_of_scan ? Place::coded : Place::marker_prefix;
  append(bytes.first(count));
  return count;
}

std::size_t MjpegSplitter::take_coded(std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min(bytes.size(), largest_frame_ - frame_.size()));
  const std::size_t at = find_prefix(bytes);
  const std::size_t count = std::min(at + 1, bytes.size());
  if (at < bytes.size()) place_ = Place::coded_prefix;
  append(bytes.first(count));
  return count;
}

void MjpegSplitter::take_byte(std::uint8_t byte) {
  if (place_ == Place::outside_prefix) {
    if (byte == start_of_image) {
      begin();
    } else if (byte != prefix) {
      place_ = Place::outside;
    }
    return;
  }
  const Place before = place_;
  const std::byte one{byte};
  switch (before) {
    case Place::marker_prefix:
      if (byte != prefix) return drop();
      place_ = Place::marker;
      break;
    case Place::length_high:
      segment_left_ = std::size_t{byte} << 8;
      place_ = Place::length_low;
      break;
    case Place::length_low:
      segment_left_ |= byte;
      if (segment_left_ < 2) return drop();
      segment_left_ -= 2;
      place_ = Place::segment;
      // An empty segment ends where it begins.
      if (segment_left_ == 0) place_ = code_ == start_of_scan ? Place::coded : Place::marker_prefix;
      break;
    case Place::coded_prefix:
      if (byte == stuffed || is_restart(byte)) {
        place_ = Place::coded;
      } else if (byte != prefix) {
        return take_marker(byte);
      }
      break;
    default:  // marker; the prefix may be repeated
      if (byte != prefix) return take_marker(byte);
  }
  append({&one, 1});
}

void MjpegSplitter::take_marker(std::uint8_t code) {
  if (code == start_of_image) {
    if (frame_.size() > begun) ++broken_;
    return begin();
  }
  const std::byte one{code};
  if (code == end_of_image) {
    if (!has_scan_) return drop();
    append({&one, 1});
    whole_.push_back(std::exchange(frame_, {}));
    place_ = Place::outside;
    return;
  }
  if (!has_segment(code)) return drop();
  code_ = code;
  has_scan_ = has_scan_ || code == start_of_scan;
  place_ = Place::length_high;
  append({&one, 1});
}

void MjpegSplitter::begin() {
  frame_.assign({std::byte{prefix}, std::byte{start_of_image}});
  has_scan_ = false;
  place_ = Place::marker_prefix;
}

void MjpegSplitter::drop() {
  if (frame_.size() > begun) ++broken_;
  frame_.clear();
  place_ = Place::outside;
}

void MjpegSplitter::append(std::span<const std::byte> bytes) {
  frame_.insert(frame_.end(), bytes.begin(), bytes.end());
}

}  // namespace quantring
