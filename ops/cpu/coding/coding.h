#pragma once
// The quantizing codecs on the CPU: one image on the caller's thread, or the images of a batch on
// the pool's.

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/coding/coding.h"

namespace quantring {
class ThreadPool;
}

namespace quantring::cpu {

// The grid of one image, in tokens of `dim` values, that is clipped so.
GridRange find_range(std::span<const float> values, std::size_t dim, Clip clip, int bits);

// As in ops/coding/coding.h; f32.
void quantize(ThreadPool& pool, ConstTensor values, Clip clip, int bits, GridRange* ranges,
              std::byte* codes);
void dequantize(ThreadPool& pool, const GridRange* ranges, const std::byte* codes, int bits,
                Tensor values);
void convert(ConstTensor source, Tensor target);

}  // namespace quantring::cpu
