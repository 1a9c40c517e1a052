#pragma once
// Cameras store a picture as their sensor read it, and say by EXIF how to turn it.

#include <cstddef>
#include <span>

#include "engine/image/image.h"

namespace quantring {

// file: a JPEG, a PNG (eXIf) or a WebP (EXIF). 1 to 8, as EXIF counts them; 1, upright, for any
// other file and where no valid value is found.
int exif_orientation(std::span<const std::byte> file);

// The picture as it is to be seen. 5 to 8 exchange width and height.
Image turn_upright(Image image, int orientation);

}  // namespace quantring
