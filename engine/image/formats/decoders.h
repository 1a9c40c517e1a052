#pragma once
// One decoder for each library. Internal to engine/image; decode_image selects one.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/image/image.h"

namespace quantring {

struct EncodedPicture {
  std::span<const std::byte> bytes;
  const std::string& name;  // for error texts
  std::int64_t max_pixels;
  // A JPEG of one scan alone: others keep the whole picture's coefficients, and a few bytes of scan
  // take as long as many.
  bool one_scan = false;
};

// For error texts.
inline constexpr const char* can_be_read = "JPEG, PNG, WebP, BMP, GIF, TGA and PNM can be read";

// Each returns the channels that the file has, 1 grey or 3 RGB, and throws Error naming the file.
Image decode_jpeg(const EncodedPicture& file);
Image decode_png(const EncodedPicture& file);
Image decode_webp(const EncodedPicture& file);
Image decode_pnm(const EncodedPicture& file);  // begins with P5 or P6
// BMP, the first frame of a GIF, TGA.
Image decode_other(const EncodedPicture& file);

// For the decoders. An image with all pixels 0; throws Error when the size is outside the limits.
Image make_image(std::int64_t width, std::int64_t height, int channels, const EncodedPicture& file);
[[noreturn]] void throw_broken(const EncodedPicture& file, std::string_view cause);
[[noreturn]] void throw_cut_short(const EncodedPicture& file);

}  // namespace quantring
