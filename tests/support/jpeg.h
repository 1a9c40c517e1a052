#pragma once
// Pictures that tell which they are, as JPEGs.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/image/image.h"
#include "engine/image/jpeg_write.h"

namespace quantring::test {

using Bytes = std::vector<std::byte>;

// A picture that tells its number: 32 x 32 in blocks of 8, whose greys are the number's bits, and
// some noise so that sizes differ.
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

// The number of such a picture, of any size, after whatever coding. pixels: channels each.
inline int read_number(const std::uint8_t* pixels, int width, int height, int channels) {
  int number = 0;
  for (int bit = 0; bit < 16; ++bit) {
    const int x = (bit % 4 * 2 + 1) * width / 8, y = (bit / 4 * 2 + 1) * height / 8;
    if (pixels[(y * width + x) * channels] > 125) number |= 1 << bit;
  }
  return number;
}

}  // namespace quantring::test
