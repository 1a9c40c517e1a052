#pragma once
// The clip of one image (Clip in ops/coding/coding.h).

#include <span>

#include "ops/coding/coding_arithmetic.h"

namespace quantring::cpu {

// a of the clip to [-a, a], infinity for none. dim: values of a token; found: the image's
// finite_extremes.
float find_clip(std::span<const float> values, std::size_t dim, coding::Extremes found, Clip clip,
                int bits);

}  // namespace quantring::cpu
