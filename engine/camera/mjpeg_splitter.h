#pragma once
// Splits a byte stream into JPEG files. The container of the MJPEG does not matter
// (multipart/x-mixed-replace, concatenated files): bytes between pictures are skipped.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace quantring {

inline constexpr std::size_t mjpeg_max_frame_bytes = 32 << 20;

// Follows the markers of ITU T.81, annex B, so a thumbnail inside a segment is not taken for a
// picture. Whatever lies between the last scan and the end marker belongs to the picture, and where
// that marker is missing the next picture or the end of the stream ends it: a decoder knows whether
// pixels are missing. A picture that is broken before its first scan or too large is dropped and
// counted. Reads every byte once.
class MjpegSplitter {
 public:
  explicit MjpegSplitter(std::size_t max_frame_bytes = mjpeg_max_frame_bytes)
      : max_frame_bytes_(max_frame_bytes) {}

  // The result does not depend on how the stream is divided into calls.
  void push(std::span<const std::byte> bytes);
  // As push, but returns behind the end of a picture; says how many bytes it has taken.
  std::size_t push_picture(std::span<const std::byte> bytes);
  // The stream has ended: a picture without a scan counts as broken.
  void end();
  // The next JPEG; false if there is none.
  bool pop(std::vector<std::byte>& jpeg);
  bool inside() const { return !frame_.empty(); }  // a picture has begun
  std::uint64_t broken() const { return broken_; }

 private:
  enum class State {
    outside,         // between pictures
    outside_prefix,  // after 0xFF
    marker_prefix,   // 0xFF expected
    marker,          // marker code expected
    length_high,
    length_low,
    segment,
    coded,         // entropy-coded data
    coded_prefix,  // after 0xFF
  };

  std::size_t skip_outside(std::span<const std::byte> bytes);
  std::size_t take_segment(std::span<const std::byte> bytes);
  std::size_t take_coded(std::span<const std::byte> bytes);
  void take_byte(std::uint8_t byte);
  void take_marker(std::uint8_t code);
  void begin();
  void end_segment();
  void malformed();
  void complete();
  void drop();
  void append(std::span<const std::byte> bytes);

  std::size_t max_frame_bytes_;
  State state_ = State::outside;
  std::uint8_t code_ = 0;  // marker of the segment
  std::size_t segment_begin_ = 0, segment_left_ = 0;
  std::uint8_t sequential_components_ = 0;  // 0: not known, or progressive
  bool has_scan_ = false;
  bool scans_follow_ = false;  // behind the one that is read, or they may
  std::vector<std::byte> frame_;
  std::deque<std::vector<std::byte>> complete_;
  std::uint64_t broken_ = 0;
};

}  // namespace quantring
