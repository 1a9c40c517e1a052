#pragma once
// Decoded pictures. Reads JPEG, PNG and BMP through stb_image.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace quantring {

struct Image {
  int width = 0, height = 0, channels = 0;  // channels: 1 grey, 3 RGB
  std::vector<std::uint8_t> pixels;         // [height, width, channels]
};

// A file may claim more than it holds: larger pictures are refused before any memory is taken.
inline constexpr int image_max_side = 65535;
inline constexpr std::int64_t image_max_pixels = 100'000'000;

// file: the bytes of a JPEG, PNG or BMP. channels: 1 or 3. name: stands in error texts.
// Colours become grey and alpha is dropped as Pillow's convert("L") and convert("RGB") do; of
// 16-bit PNG samples the upper byte is kept. Throws Error naming the file, the cause and the
// formats.
Image decode_image(std::span<const std::byte> file, int channels, const std::string& name);
Image load_image(const std::string& path, int channels);
// The bytes as they are. Throws Error naming the file.
std::vector<std::byte> read_image_file(const std::string& path);

// Grey to RGB (the value three times) or RGB to grey (ITU-R 601, Pillow's fixed-point weights).
Image convert_channels(Image image, int channels);

}  // namespace quantring
