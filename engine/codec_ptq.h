#pragma once
// The uniform quantizer of QuantPipe (Wang et al., ICASSP 2023) for one image: q bits between the
// smallest and the largest value, both of them on the grid. All steps are float32 in the order
// written, so that every machine and the GPU give the same bytes:
//   code  = round_half_even((t - offset) / scale * (2^q - 1))
//   value = code / (2^q - 1) * scale + offset

#include <cstddef>
#include <span>

namespace quantring {

struct PtqRange {
  float scale = 0;   // largest - smallest, >= 0; 0: constant, every code is 0
  float offset = 0;  // smallest
};

// Over the finite values; {0, 0} if there is none. Where largest - smallest is more than a float
// holds, the range is the widest one possible around their middle, and what lies outside is clamped
// to it.
PtqRange ptq_range(std::span<const float> values);

// codes: packed_bytes(values.size(), bits) bytes. bits: 2..8 or 16. Values outside the range are
// clamped to it, NaN becomes code 0.
void ptq_encode(std::span<const float> values, PtqRange range, int bits,
                std::span<std::byte> codes);
void ptq_decode(std::span<const std::byte> codes, PtqRange range, int bits,
                std::span<float> values);

}  // namespace quantring
