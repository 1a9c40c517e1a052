#pragma once
// Pixels without loss in fewer bytes, for a link that is slow: photos take a little more than half.
// Bytes of the host only: a stage unpacks them before they are its input (engine/stage).
//
//   0 codec id u8 (CodecId::packed_pixels) | 1 bit width u8 (8) | 2 zero u16 | 4 deflate stream
//
// In the stream each pixel is what is left of it after a prediction from its left, upper and upper
// left neighbour (the median edge detector), in planes as the pixels are; of three channels the
// first and the third are less what is left of the second, which is like it.

#include <cstddef>
#include <span>
#include <vector>

namespace quantring {

struct PixelShape {
  std::size_t images = 0, channels = 0, height = 0, width = 0;
  std::size_t count() const { return images * channels * height * width; }
};

// As a coded tensor: packed, or as coded_pixels() where that is no longer.
std::vector<std::byte> packed_pixels(std::span<const std::byte> pixels, PixelShape shape);

bool is_packed_pixels(std::span<const std::byte> coded);
// What coded_pixels() gives for the same pixels. Throws Error for what is not whole or too long.
std::vector<std::byte> unpacked_pixels(std::span<const std::byte> coded, PixelShape shape);

}  // namespace quantring
