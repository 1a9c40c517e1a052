#pragma once
// Splits a byte stream into picture files of any format.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "engine/camera/mjpeg_splitter.h"

namespace quantring {

inline constexpr std::size_t max_streamed_picture_bytes = std::size_t{1} << 29;

// JPEG, PNG, WebP, BMP and PNM say where they end, so that other pictures may follow, behind a JPEG
// after any bytes (MJPEG). Where a stream goes on with anything else, its rest is one picture.
class PictureSplitter {
 public:
  // The result does not depend on how the stream is divided into calls. Throws Error for a picture
  // above max_streamed_picture_bytes.
  void push(std::span<const std::byte> bytes);
  // The stream has ended: what there is of a picture is its whole.
  void end();
  bool pop(std::vector<std::byte>& picture);
  // JPEGs that are broken before their pixels are left out and counted.
  std::uint64_t broken() const { return jpegs_.broken(); }

 private:
  enum class State { between, jpeg, sized, rest };

  void split();
  bool decide();
  bool split_jpeg();
  bool split_sized();
  void complete(std::size_t size);

  State state_ = State::between;
  bool first_ = true, after_jpeg_ = false, ended_ = false;
  MjpegSplitter jpegs_{max_streamed_picture_bytes};
  std::vector<std::byte> pending_;
  std::deque<std::vector<std::byte>> complete_;
};

}  // namespace quantring
