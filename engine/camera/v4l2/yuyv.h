#pragma once
// Pixels of uncompressed cameras.

#include <cstddef>
#include <span>

#include "engine/image/image.h"

namespace quantring {

// YUYV (YUY2): two pixels in four bytes Y0 U Y1 V, ITU-R BT.601, limited range (Y 16..235, U and V
// 16..240). width: even. stride: bytes from row to row, at least 2 width; bytes: at least
// stride (height - 1) + 2 width. channels: 3 RGB, or 1 grey (luma). Throws Error otherwise.
Image image_from_yuyv(std::span<const std::byte> bytes, int width, int height, std::size_t stride,
                      int channels);

}  // namespace quantring
