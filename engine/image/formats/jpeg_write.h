#pragma once
// Pixels to a JPEG: for display, and for a slow link (engine/codec/jpeg_pixels.h).

#include <cstddef>
#include <vector>

#include "engine/image/image.h"

namespace quantring {

enum class Chroma : std::uint8_t {
  half,  // 4:2:0, as cameras do
  full,  // 4:4:4, and code tables fitted to the picture
};

// quality: 1..100. Throws Error when the picture is empty or larger than a JPEG can be.
std::vector<std::byte> encode_jpeg(const Image& image, int quality, Chroma chroma = Chroma::half);

}  // namespace quantring
