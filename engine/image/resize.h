#pragma once
// Antialiased resize, equal to Pillow's Image.resize: a separable filter whose support grows with
// the reduction, 22-bit fixed-point weights, first along rows, then along columns, 8 bits between
// the two. Cubic convolution after Keys 1981 with a = -0.5.
// Pillow 13 takes columns first where the height shrinks much more than the width. Published models
// were trained and measured with the versions before, whose order is kept here.

#include "engine/image/image.h"

namespace quantring {

enum class Interpolation { bilinear, bicubic };

// source: at least 1 x 1, channels 1 or 3; width, height: 1..image_max_side. Throws Error
// otherwise, also when source and target together ask for more than image_max_pixels.
Image resize(const Image& source, int width, int height, Interpolation interpolation);

}  // namespace quantring
