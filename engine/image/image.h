#pragma once
// Decoded pictures. JPEG by libjpeg-turbo, PNG by libpng, WebP by libwebp; BMP, GIF and TGA by
// stb_image; PNM. Of an animation the first frame.

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

// A header may claim any size: larger pictures are refused before memory is allocated.
inline constexpr int image_max_side = 65535;
inline constexpr std::int64_t image_max_pixels = 100'000'000;

// file: the bytes of a picture file; the format is recognised by its content. channels: 1 or 3.
// name: used in error texts. The picture is turned upright as its EXIF says (orientation.h). Pixels
// equal those of Pillow's convert("RGB") or convert("L"): alpha is dropped, CMYK converted without
// a colour profile. Two exceptions: 16-bit grey PNGs keep the
// upper byte, where Pillow clips to 255; transparent pixels of a GIF are black. Throws Error naming
// the file, the cause and the formats, also for a picture whose data is damaged or cut short, which
// Pillow reads in part. Only the end marker may be missing. max_pixels: larger pictures are
// refused.
Image decode_image(std::span<const std::byte> file, int channels, const std::string& name,
                   std::int64_t max_pixels = image_max_pixels);
Image load_image(const std::string& path, int channels);
// The bytes of a file. Throws Error naming the file.
std::vector<std::byte> read_image_file(const std::string& path);

// Grey to RGB (the value three times) or RGB to grey (ITU-R 601, Pillow's fixed-point weights).
Image convert_channels(Image image, int channels);

}  // namespace quantring
