// MJPEG and other streams of pictures. The first byte sets the maximum size of a picture, the
// second the size of the pieces; the pictures must be the same as in one piece, within the limit,
// and found in the stream in order. Small ones are decoded.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "engine/camera/mjpeg_splitter.h"
#include "engine/camera/picture_splitter.h"
#include "engine/image/image.h"
#include "ops/base/error.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using Bytes = std::vector<std::byte>;

std::vector<Bytes> split(const Bytes& stream, std::size_t piece, std::size_t max_bytes,
                         std::uint64_t& broken) {
  quantring::MjpegSplitter splitter(max_bytes);
  std::vector<Bytes> frames;
  Bytes frame;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    splitter.push({stream.data() + at, std::min(piece, stream.size() - at)});
    while (splitter.pop(frame)) frames.push_back(frame);
  }
  broken = splitter.broken();
  return frames;
}

std::vector<Bytes> split_any(const Bytes& stream, std::size_t piece, std::size_t& unknown) {
  quantring::PictureSplitter splitter;
  std::vector<Bytes> pictures;
  for (std::size_t at = 0; at < stream.size(); at += piece)
    splitter.push({stream.data() + at, std::min(piece, stream.size() - at)});
  splitter.end();
  for (Bytes picture; splitter.pop(picture);) pictures.push_back(picture);
  unknown = splitter.unknown();
  return pictures;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quantring::fuzz::Input input(data, size);
  const std::size_t max_bytes = 2 + std::size_t{16} * input.take<std::uint8_t>();
  const std::size_t piece = 1 + std::size_t{input.take<std::uint8_t>()};
  const Bytes stream = input.rest();
  std::uint64_t broken = 0, broken_in_one = 0;
  const std::vector<Bytes> frames = split(stream, piece, max_bytes, broken);
  if (frames != split(stream, stream.size() + 1, max_bytes, broken_in_one) ||
      broken != broken_in_one)
    std::abort();
  std::size_t unknown = 0, unknown_in_one = 0;
  if (split_any(stream, piece, unknown) != split_any(stream, stream.size() + 1, unknown_in_one) ||
      unknown != unknown_in_one)
    std::abort();
  auto from = stream.begin();
  for (const Bytes& frame : frames) {
    if (frame.size() > max_bytes || frame.size() < 6) std::abort();
    from = std::search(from, stream.end(), frame.begin(), frame.end());
    if (from == stream.end()) std::abort();
    from += static_cast<std::ptrdiff_t>(frame.size());
    try {
      quantring::decode_image(frame, 3, "fuzz", 1 << 12);
    } catch (const quantring::Error&) {
      continue;  // a frame is complete, but need not be a picture
    }
  }
  return 0;
}
