#pragma once
// Quantization on a GPU, with the bits of ops/cpu/coding/coding.h. Arguments as in
// ops/coding/coding.h, checked; f32, f16 or bf16 values.

#include <cstddef>
#include <cstdint>

#include "ops/coding/coding.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

std::size_t quantize_scratch_bytes(const Queue& queue, std::int64_t images, std::int64_t each);
void quantize(const Queue& queue, ConstTensor values, Clip clip, int bits, void* scratch,
              GridRange* ranges, std::byte* codes);
void dequantize(const Queue& queue, const GridRange* ranges, const std::byte* codes, int bits,
                Tensor values);
void convert(const Queue& queue, ConstTensor source, Tensor target);

}  // namespace quantring::cuda
