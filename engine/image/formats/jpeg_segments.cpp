#include "engine/image/formats/jpeg_segments.h"

#include <algorithm>

#include "engine/image/orientation.h"

namespace quantring {
namespace {

constexpr std::byte prefix{0xFF};
constexpr std::uint8_t start_of_image = 0xD8, end_of_image = 0xD9, start_of_scan = 0xDA;

// Markers without a segment: restarts, and 0x01, "temporary".
bool stands_alone(std::uint8_t marker) {
  return marker == 0x01 || (marker >= 0xD0 && marker <= start_of_image);
}

// Kinds of frame, 0xC0 to 0xCF without the tables and the reserved marker among them.
bool begins_frame(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

}  // namespace

JpegSegments::JpegSegments(std::span<const std::byte> file) {
  if (file.size() >= 2 && file[0] == prefix && file[1] == std::byte{start_of_image})
    rest_ = file.subspan(2);
}

std::optional<JpegSegment> JpegSegments::next() {
  for (;;) {
    const auto at = std::find(rest_.begin(), rest_.end(), prefix);
    const auto code = std::find_if(at, rest_.end(), [](std::byte b) { return b != prefix; });
    if (code == rest_.end()) return std::nullopt;
    const auto marker = static_cast<std::uint8_t>(*code);
    rest_ = rest_.subspan(static_cast<std::size_t>(code + 1 - rest_.begin()));
    if (marker == 0 || stands_alone(marker)) continue;
    if (marker == end_of_image || marker == start_of_scan || rest_.size() < 2) return std::nullopt;
    const auto length =
        std::to_integer<std::size_t>(rest_[0]) << 8 | std::to_integer<std::size_t>(rest_[1]);
    if (length < 2) return std::nullopt;
    const auto segment = rest_.first(std::min(length, rest_.size()));
    rest_ = rest_.subspan(segment.size());
    return JpegSegment{marker, segment.subspan(2)};
  }
}

bool any_browser_shows(std::span<const std::byte> file) {
  JpegSegments segments(file);
  while (const auto segment = segments.next()) {
    if (!begins_frame(segment->marker)) continue;
    constexpr std::uint8_t progressive = 0xC2;
    const auto content = segment->content;  // bits, height, width, components
    return segment->marker <= progressive && content.size() >= 6 && content[0] == std::byte{8} &&
           (content[5] == std::byte{1} || content[5] == std::byte{3}) &&
           exif_orientation(file) == 1;
  }
  return false;
}

}  // namespace quantring
