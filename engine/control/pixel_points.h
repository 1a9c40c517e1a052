#pragma once
// Operating points of the head's link, which carries pixels: as they are, packed without loss, and
// as JPEGs.

#include <span>
#include <string_view>

#include "engine/codec/codec.h"

namespace quantring {

struct PixelPoint {
  CodecSpec codec;
  double agreement = 100;  // as in a ladder, percent
  double share = 1;        // of the bytes of pixels, as expected before any were sent
};

// Finest first. Measured on DeiT-Tiny and 500 photos (docs/ACCURACY.md): other models and pictures
// differ.
std::span<const PixelPoint> pixel_points();

// Of any quality: agreement and share of the next point that is no finer; below all of them 0 %.
PixelPoint pixel_point(CodecSpec codec);

// "pixels", "pixels-lossless", or "jpeg" and a quality of 1 to 100. Throws Error naming what is
// accepted.
CodecSpec parse_pixel_codec(std::string_view name, int quality);

}  // namespace quantring
