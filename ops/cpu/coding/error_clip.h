#pragma once
// The clip of ds-aciq+ (ops/coding/coding_error.h).

#include <cstddef>
#include <span>

#include "ops/coding/coding_arithmetic.h"

namespace quantring::cpu {

// As find_clip (ops/cpu/coding/clip.h), of an image with two different finite values.
float find_min_error_clip(std::span<const float> values, std::size_t dim, coding::Extremes found,
                          int bits);

}  // namespace quantring::cpu
