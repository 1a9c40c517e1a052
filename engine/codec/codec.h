#pragma once
// What a tensor looks like on a link: the codecs that turn the residual stream into few bits and
// back. A frame names its own codec, so the receiver needs no agreement beforehand.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/coding/coding.h"

namespace quantring {

enum class CodecId : std::uint8_t {
  raw32 = 1,         // IEEE binary32, little-endian
  raw16 = 2,         // IEEE binary16, little-endian
  ptq = 3,           // per-image min-max, uniform, q bits (QuantPipe's baseline)
  pixels = 4,        // uint8 pixels as they are: what the head sends to stage 0
  aciq = 5,          // ptq of the image clipped to +-a, a from its variance (ops/coding/coding.h)
  ds_aciq = 6,       // the same with a from a Laplace that is fitted to its histogram
  ds_aciq_plus = 7,  // the same with a from a search over the error itself
};

// A codec and its bit width: the operating point of a link.
struct CodecSpec {
  CodecId id = CodecId::raw32;
  std::uint8_t bits = 32;  // raw32: 32, raw16: 16, pixels: 8, others: 2..8 or 16
  bool operator==(const CodecSpec&) const = default;
};

// "raw32", "raw16", or "ptq", "aciq", "ds-aciq", "ds-aciq+" and a width; bits == 0 takes the
// codec's only width. Throws Error naming what is accepted.
CodecSpec parse_codec(std::string_view name, int bits);
std::string codec_name(CodecId id);      // "ptq"
std::string codec_text(CodecSpec spec);  // "raw32", "ptq 4"
bool codec_valid(CodecSpec spec);        // a pair that this build can decode
std::vector<CodecId> known_codecs();     // all that this build can decode
bool has_ranges(CodecId id);             // the quantizing ones: every image has a GridRange
Clip clip_of(CodecId id);                // of a codec that has ranges

struct TensorShape {
  std::uint32_t images = 0, tokens = 0, dim = 0;
  std::uint64_t elements() const { return std::uint64_t{images} * tokens * dim; }
  std::uint64_t elements_per_image() const { return std::uint64_t{tokens} * dim; }
  bool operator==(const TensorShape&) const = default;
};

// One coded tensor: the fields of the frame header that the codec fills, and the payload.
// ptq, aciq, ds-aciq and ds-aciq+, one image: scale and offset are here and the payload is the
// packed codes. Several images: scale = offset = 0 here; the payload starts with (scale f32, offset
// f32) per image, then each image's codes, each image starting on a byte. Codes are packed densely,
// least significant bit first: 3 bits cost 3 bits. The four differ in how the encoder finds scale
// and offset; decoding is the same. PipeEdge and QuantPipe choose one clip for a whole micro-batch;
// here every image has its own, so that a result does not depend on how images are batched, and
// ds-aciq takes the histogram of a sample (ops/coding/coding_clip.h), which changes its answers by less
// than noise. An image of one value has scale 0 and comes back exactly; one without a finite value
// decodes to 0; where all values have one sign, the clip of aciq and ds-aciq, around 0, may leave
// nothing of them but a constant, as in PipeEdge.
struct CodedTensor {
  CodecSpec spec;
  TensorShape shape;
  float scale = 0;  // decoded = code / (2^bits - 1) * scale + offset
  float offset = 0;
  std::vector<std::byte> payload;
};

// Exact size of the payload that encode makes and decode accepts.
std::uint64_t payload_bytes(CodecSpec spec, TensorShape shape);

// values: shape.elements() floats, [images, tokens, dim]. Reuses out.payload's memory. pixels is
// not for floats: throws. Not-finite input is defined: statistics are taken over finite values,
// infinities are clamped to the range, NaN becomes the offset; raw32 and raw16 keep them.
void encode(std::span<const float> values, TensorShape shape, CodecSpec spec, CodedTensor& out);

// All that decode() checks of a coded tensor, but pixels are allowed: spec and shape, scale and
// offset (finite), the payload's exact length.
void check_coded(const CodedTensor& coded);

// Checks spec, the shape against `values`, scale and offset (finite) and the payload's exact length
// before it reads; throws Error saying which is wrong.
void decode(const CodedTensor& coded, std::span<float> values);

}  // namespace quantring
