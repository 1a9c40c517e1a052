// MJPEG streams. The first byte says how large a picture may be, the second how the stream is cut;
// the pictures must be the same as in one piece, bounded, and hold what came in, in order.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "engine/camera/huffman_tables.h"
#include "engine/camera/mjpeg_splitter.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using Bytes = std::vector<std::byte>;

std::vector<Bytes> split(const Bytes& stream, std::size_t piece, std::size_t largest,
                         std::uint64_t& broken) {
  quantring::MjpegSplitter splitter(largest);
  std::vector<Bytes> frames;
  Bytes frame;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    splitter.push({stream.data() + at, std::min(piece, stream.size() - at)});
    while (splitter.pop(frame)) frames.push_back(frame);
  }
  broken = splitter.broken();
  return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quantring::fuzz::Input input(data, size);
  const std::size_t largest = 2 + std::size_t{16} * input.take<std::uint8_t>();
  const std::size_t piece = 1 + std::size_t{input.take<std::uint8_t>()};
  const Bytes stream = input.rest();
  std::uint64_t broken = 0, broken_in_one = 0;
  const std::vector<Bytes> frames = split(stream, piece, largest, broken);
  if (frames != split(stream, stream.size() + 1, largest, broken_in_one) || broken != broken_in_one)
    std::abort();
  auto from = stream.begin();
  for (Bytes frame : frames) {
    if (frame.size() > largest || frame.size() < 6) std::abort();
    from = std::search(from, stream.end(), frame.begin(), frame.end());
    if (from == stream.end()) std::abort();
    from += static_cast<std::ptrdiff_t>(frame.size());
    quantring::add_missing_huffman_tables(frame);
  }
  Bytes any = stream;
  quantring::add_missing_huffman_tables(any);
  if (any.size() != stream.size() && any.size() != stream.size() + 420) std::abort();
  return 0;
}
