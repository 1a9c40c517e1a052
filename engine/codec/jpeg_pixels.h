#pragma once
// Pixels as a JPEG of each image, 4:4:4, for a slow link: photos take a tenth to a third. With
// loss: engine/control/pixel_points.h has what a quality costs. Bytes of the host only: a stage
// decodes them before they are its input (engine/stage).
//
//   0 codec id u8 (CodecId::jpeg) | 1 quality u8 (1..100) | 2 zero u16
//   4 bytes of each image's JPEG u32 [images] | the JPEGs
//
// A JPEG has the model's size, one component where the model takes grey and three where it takes
// RGB, and one scan.

#include <cstddef>
#include <span>
#include <vector>

#include "engine/codec/packed_pixels.h"

namespace quantring {

// Those of one or three channels.
bool can_be_jpeg(PixelShape shape);

// As a coded tensor, or as coded_pixels() where that is no longer. quality: 1..100.
std::vector<std::byte> jpeg_pixels(std::span<const std::byte> pixels, PixelShape shape,
                                   int quality);

bool is_jpeg_pixels(std::span<const std::byte> coded);
// As coded_pixels(). Throws Error for anything but JPEGs of that shape.
std::vector<std::byte> decoded_jpeg_pixels(std::span<const std::byte> coded, PixelShape shape);

}  // namespace quantring
