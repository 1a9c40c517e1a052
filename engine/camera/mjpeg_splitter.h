#pragma once
// Whole JPEGs out of a stream of bytes: MJPEG, however it is wrapped (multipart/x-mixed-replace,
// one file after the other), because what stands between two pictures is passed over.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace quantring {

inline constexpr std::size_t mjpeg_largest_frame = 32 << 20;

// Walks the markers of ITU T.81, annex B, so a thumbnail inside of a segment is no picture of its
// own. A picture that is broken, cut off by the next one, or too large is dropped and counted, and
// the next start of a picture is looked for. Looks at every byte once.
class MjpegSplitter {
 public:
  explicit MjpegSplitter(std::size_t largest_frame = mjpeg_largest_frame)
      : largest_frame_(largest_frame) {}

  // The result is the same however the stream is cut.
  void push(std::span<const std::byte> bytes);
  // The stream has ended: a picture that is not whole counts as broken.
  void end();
  // The next whole JPEG, from its start of image to its end; false when none is whole.
  bool pop(std::vector<std::byte>& jpeg);
  std::uint64_t broken() const { return broken_; }

 private:
  enum class Place {
    outside,         // between pictures
    outside_prefix,  // and 0xFF was the last byte
    marker_prefix,   // 0xFF must come
    marker,          // which marker?
    length_high,
    length_low,
    segment,
    coded,         // pixels
    coded_prefix,  // and 0xFF was the last byte
  };

  std::size_t pass_outside(std::span<const std::byte> bytes);
  std::size_t take_segment(std::span<const std::byte> bytes);
  std::size_t take_coded(std::span<const std::byte> bytes);
  void take_byte(std::uint8_t byte);
  void take_marker(std::uint8_t code);
  void begin();
  void drop();
  void append(std::span<const std::byte> bytes);

  std::size_t largest_frame_;
  Place place_ = Place::outside;
  std::uint8_t code_ = 0;         // of the segment
  std::size_t segment_left_ = 0;  // bytes
  bool has_scan_ = false;
  std::vector<std::byte> frame_;
  std::deque<std::vector<std::byte>> whole_;
  std::uint64_t broken_ = 0;
};

}  // namespace quantring
