#pragma once
// The segments of a JPEG file before its first scan, read without decoding it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace quantring {

struct JpegSegment {
  std::uint8_t marker = 0;  // 0xE1 for APP1
  std::span<const std::byte>
      content;  // without marker and length; may be cut short by the file's end
};

// Bytes between segments are skipped, as libjpeg does.
class JpegSegments {
 public:
  // file: begins with the start-of-image marker, else there are no segments.
  explicit JpegSegments(std::span<const std::byte> file);
  std::optional<JpegSegment> next();

 private:
  std::span<const std::byte> rest_;
};

// Whether any browser shows the file as decode_image reads it: Huffman-coded, 8 bits, grey or in
// three components, and stored upright.
bool any_browser_shows(std::span<const std::byte> file);

}  // namespace quantring
