#pragma once
// Quantization of tensors to a few bits per value, image by image. Every step is defined to the
// bit: all CPUs and GPUs produce the same bytes (ops/coding/coding_arithmetic.h).

#include <cstddef>
#include <cstdint>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// The grid of one image: 2^bits values from offset to offset + scale, both of them included.
//   code  = round_half_even((value - offset) / scale * (2^bits - 1))
//   value = code / (2^bits - 1) * scale + offset
struct GridRange {
  float scale = 0;  // >= 0; 0: constant, every code is 0
  float offset = 0;
};

// How an image is clipped before its smallest and largest value span the grid.
enum class Clip : std::uint8_t {
  none,
  aciq,  // +-W0(3 * 4^bits) * sqrt(variance / 2): Banner et al. 2019 for a Laplace distribution, as
         // in PipeEdge
  ds_aciq,  // +-W0(3 * 4^bits) * b, b searched so that a Laplace distribution fits the histogram of
            // a sample (QuantPipe; ops/coding/coding_clip.h)
  ds_aciq_plus,  // +-a, a searched to minimize the error of a sample of tokens, relative to each
                 // token (ops/coding/coding_error.h)
};

// bits: 2..8 or 16, everywhere. Invalid arguments throw std::invalid_argument.

// Values per token of a tensor to quantize.
inline std::int64_t token_values(const Shape& shape) {
  return shape.rank() < 2 ? 1 : shape[shape.rank() - 1];
}

// Size of the scratch memory of quantize() for up to `images` images of `each` values.
std::size_t quantize_scratch_bytes(const Context& context, std::int64_t images, std::int64_t each);

// values: [images, ..., dim], f32 or the context's residual dtype, which is converted to f32 first;
// a row of dim values is a token. Writes ranges [images] and codes [images][packed_bytes(values per
// image, bits)]: dense, least significant bit first, each image starting on a byte. Ranges and
// clips are computed from finite values; infinities are clamped, NaN becomes code 0. scratch:
// quantize_scratch_bytes(), not shared with concurrent work.
void quantize(Context& context, ConstTensor values, Clip clip, int bits, void* scratch,
              GridRange* ranges, std::byte* codes);

// The inverse; rounded once to the dtype of `values`.
void dequantize(Context& context, const GridRange* ranges, const std::byte* codes, int bits,
                Tensor values);

// target[i] = source[i], rounded to nearest even. u8 to u8, or f32, f16 and the residual dtype to
// each other.
void convert(Context& context, ConstTensor source, Tensor target);

}  // namespace quantring
