#pragma once
// JPEGs of pictures that encode a number.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/image/formats/jpeg_write.h"
#include "engine/image/image.h"

namespace quantring::test {

using Bytes = std::vector<std::byte>;

// 32 x 32 in blocks of 8, light or dark by the bits of the number, and some noise so that file
// sizes differ.
inline std::vector<std::uint8_t> numbered_pixels(int number) {
  std::vector<std::uint8_t> rgb;
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      const int bit = y / 8 * 4 + x / 8;
      const int level = ((number >> bit) & 1) != 0 ? 200 : 50;
      for (int c = 0; c < 3; ++c)
        rgb.push_back(static_cast<std::uint8_t>(level + (x * 7 + y * 13 + number * 5) % 11));
    }
  }
  return rgb;
}

inline Bytes numbered_jpeg(int number, int quality = 90) {
  return encode_jpeg({.width = 32, .height = 32, .channels = 3, .pixels = numbered_pixels(number)},
                     quality);
}

// The number of such a picture, also when scaled or lossily coded. pixels: [height, width,
// channels].
inline int read_number(const std::uint8_t* pixels, int width, int height, int channels) {
  int number = 0;
  for (int bit = 0; bit < 16; ++bit) {
    const int x = (bit % 4 * 2 + 1) * width / 8, y = (bit / 4 * 2 + 1) * height / 8;
    if (pixels[(y * width + x) * channels] > 125) number |= 1 << bit;
  }
  return number;
}

// Without its DHT segments: encode_jpeg uses the standard tables, and many cameras omit those.
inline Bytes without_huffman_tables(Bytes jpeg) {
  for (std::size_t i = 2; i + 3 < jpeg.size() && jpeg[i + 1] != std::byte{0xDA};) {
    const std::size_t length = 2 + (std::to_integer<std::size_t>(jpeg[i + 2]) << 8 |
                                    std::to_integer<std::size_t>(jpeg[i + 3]));
    const auto begin = jpeg.begin() + static_cast<std::ptrdiff_t>(i);
    if (jpeg[i + 1] == std::byte{0xC4}) {
      jpeg.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
    } else {
      i += length;
    }
  }
  return jpeg;
}

}  // namespace quantring::test
