#pragma once
// Tensors to a few bits a value and back: what crosses a link. Image by image; every step is
// defined to the bit, so that any CPU and any GPU give the same bytes (ops/coding/coding_arithmetic.h).

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

// What an image is clipped to before its smallest and largest value span the grid.
enum class Clip : std::uint8_t {
  none,
  aciq,  // +-W0(3 * 4^bits) * sqrt(variance / 2): Banner et al. 2019 for Laplace, as PipeEdge has
         // it
  ds_aciq,  // +-W0(3 * 4^bits) * b, b searched so that a Laplace fits the histogram (QuantPipe);
            // of a sample: ops/coding/coding_clip.h
  ds_aciq_plus,  // +-a, a searched so that the error of a sample of tokens is small, none of them
                 // and not the one with the largest value being lost: ops/coding/coding_error.h
};

// bits: 2..8 or 16, everywhere. Arguments that are not as told throw std::invalid_argument.

// Values of a token of a tensor that is quantized.
inline std::int64_t token_values(const Shape& shape) {
  return shape.rank() < 2 ? 1 : shape[shape.rank() - 1];
}

// Bytes that quantize needs to work in, for up to `images` images of `each` values.
std::size_t quantize_scratch_bytes(const Context& context, std::int64_t images, std::int64_t each);

// values: [images, ..., dim], f32 or the context's residual dtype, which is widened first; a row of
// dim values is a token (of [images]: the image). Writes ranges
// [images] and codes [images][packed_bytes(values of an image, bits)]: dense, least significant bit
// first, each image starting on a byte. Ranges and clips are over finite values; infinities are
// clamped, NaN becomes code 0. scratch: quantize_scratch_bytes, used for nothing else meanwhile.
void quantize(Context& context, ConstTensor values, Clip clip, int bits, void* scratch,
              GridRange* ranges, std::byte* codes);

// The way back; rounded once to the dtype of `values`.
void dequantize(Context& context, const GridRange* ranges, const std::byte* codes, int bits,
                Tensor values);

// target[i] = source[i], rounded to nearest even. u8 to u8, or f32, f16 and the residual dtype to
// each other.
void convert(Context& context, ConstTensor source, Tensor target);

}  // namespace quantring
