#pragma once
// Pixels to a JPEG, for display.

#include <cstddef>
#include <vector>

#include "engine/image/image.h"

namespace quantring {

// quality: 1..100. Throws Error when the picture is empty or larger than a JPEG can be.
std::vector<std::byte> encode_jpeg(const Image& image, int quality);

}  // namespace quantring
