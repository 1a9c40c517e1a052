#pragma once
// Quantization on the CPU: one image on the caller's thread, or a batch on the pool's.

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/coding/coding.h"

namespace quantring {
class ThreadPool;
}

namespace quantring::cpu {

// The grid of one clipped image of tokens of `dim` values.
GridRange find_range(std::span<const float> values, std::size_t dim, Clip clip, int bits);

// As in ops/coding/coding.h; f32.
void quantize(ThreadPool& pool, ConstTensor values, Clip clip, int bits, GridRange* ranges,
              std::byte* codes);
void dequantize(ThreadPool& pool, const GridRange* ranges, const std::byte* codes, int bits,
                Tensor values);
void convert(ConstTensor source, Tensor target);

}  // namespace quantring::cpu
