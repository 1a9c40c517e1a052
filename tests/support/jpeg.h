#pragma once
// JPEGs made in the test, and MJPEG by ffmpeg.

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quantring::test {

using Bytes = std::vector<std::byte>;

inline Bytes encode_jpeg(int width, int height, const std::vector<std::uint8_t>& rgb,
                         int quality = 90) {
  Bytes jpeg;
  const auto keep = [](void* to, void* from, int size) {
    const auto* const bytes = static_cast<const std::byte*>(from);
    auto& all = *static_cast<Bytes*>(to);
    all.insert(all.end(), bytes, bytes + size);
  };
  stbi_write_jpg_to_func(keep, &jpeg, width, height, 3, rgb.data(), quality);
  return jpeg;
}

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

inline Bytes numbered_jpeg(int number) {
  return encode_jpeg(32, 32, numbered_pixels(number));
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
