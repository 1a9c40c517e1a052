#pragma once
// Splits a byte stream into picture files of any format.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "engine/camera/mjpeg_splitter.h"
#include "engine/image/formats/picture_size.h"

namespace quantring {

// JPEG, PNG, WebP, BMP, PNM, GIF and TGA say where they end, so that other pictures may follow,
// behind a JPEG after any bytes (MJPEG). Text goes up to the next JPEG or PNG. Where a stream goes
// on with anything else, its rest is one picture.
class PictureSplitter {
 public:
  // The result does not depend on how the stream is divided into calls. Throws Error for a picture
  // above max_streamed_picture_bytes.
  void push(std::span<const std::byte> bytes);
  // The stream has ended: what there is of a picture is its whole.
  void end();
  bool pop(std::vector<std::byte>& picture);
  // Whether the last that pop() gave is a rest, in which other pictures may be hidden.
  bool gave_rest() const { return rest_ && complete_.empty(); }
  // JPEGs that are broken before their pixels are left out and counted.
  std::uint64_t broken() const { return jpegs_.broken(); }
  // Behind JPEGs: pieces that are left out because nothing is known about them.
  std::size_t unknown() const { return unknown_; }

 private:
  enum class State { between, jpeg, sized, text, rest };

  void split();
  bool decide();
  State behind_jpeg(std::span<const std::byte> start);
  bool split_jpeg();
  bool split_sized();
  bool split_text();
  void complete(std::size_t size);

  State state_ = State::between;
  bool first_ = true, after_jpeg_ = false, ended_ = false, rest_ = false;
  std::size_t unknown_ = 0, scanned_ = 0;  // scanned_: of a text
  MjpegSplitter jpegs_{max_streamed_picture_bytes};
  std::vector<std::byte> pending_;
  std::deque<std::vector<std::byte>> complete_;
};

}  // namespace quantring
