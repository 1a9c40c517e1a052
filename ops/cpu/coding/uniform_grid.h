#pragma once
// The uniform quantizer of QuantPipe (Wang et al., ICASSP 2023) for one image: a grid from the
// smallest to the largest value, both included (GridRange in ops/coding/coding.h).

#include <cstddef>
#include <span>

#include "ops/coding/coding.h"
#include "ops/coding/coding_arithmetic.h"

namespace quantring::cpu {

// NaN and infinities are skipped.
coding::Extremes finite_extremes(std::span<const float> values);

// codes: packed_bytes(values.size(), bits) bytes. bits: 2..8 or 16. Values outside the range are
// clamped to it, NaN becomes code 0.
void quantize(std::span<const float> values, GridRange range, int bits, std::span<std::byte> codes);
void dequantize(std::span<const std::byte> codes, GridRange range, int bits,
                std::span<float> values);

}  // namespace quantring::cpu
