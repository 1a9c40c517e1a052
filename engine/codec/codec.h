#pragma once
// A coded tensor, and the interface that every codec implements. One file per codec in this folder.
//
// A coded tensor is bytes, the same on the CPU and on a GPU, for one image and for several:
//
//   0 codec id u8 | 1 bit width u8 | 2 zero u16 | 4 body
//
// The body of a quantizing codec is (scale f32, offset f32) of each image, then each image's codes,
// each image starting on a byte; codes are dense, least significant bit first (3 bits cost 3 bits).
// The body of raw32, raw16 and pixels is the values. All little-endian. The shape is not in it: the
// receiver knows tokens and dim from the model and the number of images from the frame. The length
// may depend on the values; max_bytes() is its bound.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// Ids on the wire: never reused.
enum class CodecId : std::uint8_t {
  raw32 = 1,          // IEEE binary32
  raw16 = 2,          // IEEE binary16
  ptq = 3,            // per-image min-max, uniform (QuantPipe's baseline)
  pixels = 4,         // uint8 pixels: what the head sends to stage 0
  aciq = 5,           // ptq of the image clipped to +-a, a from its variance (ops/coding/coding.h)
  ds_aciq = 6,        // the same with a from a Laplace that is fitted to its histogram
  ds_aciq_plus = 7,   // the same with a from a search over the error itself
  packed_pixels = 8,  // pixels without loss (engine/codec/packed_pixels.h): no Codec of the table
  tah = 9,    // a grid for each tile of 64 channels, outliers rotated away, tokens of little
              // entropy with a bit less (TAH-Quant v1; ops/coding/tile_coding.h)
  tah2 = 10,  // the same with tiles of little entropy (TAH-Quant v2)
  klt = 11,   // calibrated transform, entropy coded (engine/codec/klt/klt.h)
  jpeg = 12,  // pixels as JPEGs (engine/codec/jpeg_pixels.h): no Codec of the table; its
              // width is the quality
};

// A codec and its bit width: the operating point of a link.
struct CodecSpec {
  CodecId id = CodecId::raw32;
  // raw32: 32, raw16: 16, pixels: 8, tah and tah2: 2..8, klt: quarters of a bit per element on
  // average, others: 2..8 or 16
  std::uint8_t bits = 32;
  bool operator==(const CodecSpec&) const = default;
};

struct TensorShape {
  std::uint32_t images = 0, tokens = 0, dim = 0;
  std::uint64_t elements() const { return std::uint64_t{images} * tokens * dim; }
  std::uint64_t elements_per_image() const { return std::uint64_t{tokens} * dim; }
  bool operator==(const TensorShape&) const = default;
};

inline constexpr std::size_t coded_header_bytes = 4;

class Codec {
 public:
  virtual ~Codec() = default;

  CodecId id() const { return id_; }
  std::string_view name() const { return name_; }  // as in flags and files
  int only_width() const { return only_width_; }   // bits; 0: several
  virtual bool has_width(int bits) const;          // several: 2..8 or 16
  virtual std::string widths_text() const;         // several: "2 to 8 or 16"
  // Bits per element of a width as people write it: of klt an average.
  virtual double width_bits(int bits) const { return bits; }

  // Sizes in bytes of the body, for widths that the codec has and shapes that are valid.
  virtual std::uint64_t max_body_bytes(int bits, TensorShape shape) const = 0;
  // Of the body that encode() has written.
  virtual std::uint64_t body_bytes(int bits, TensorShape shape, const std::byte* body) const;
  // Of a coded tensor before its values are known, header included: what a controller plans with.
  virtual double expected_bits(int bits, TensorShape shape) const;
  // Device memory that encode() needs to work in, for shapes of up to `max`.
  virtual std::size_t scratch_bytes(const Context& context, TensorShape max) const;

  // Both are ops: on a GPU they are enqueued. values: [images, ..., dim], f32 or the context's
  // residual dtype, which is widened to f32 first; pixels: u8. body: memory of the context's
  // device, max_body_bytes long, aligned to 4 bytes on the CPU and to 16 on a GPU. Values that are
  // not finite are defined: quantizing codecs take statistics over finite values, clamp infinities
  // to the range and turn NaN into the offset; raw32 and raw16 keep them.
  virtual void encode(Context& context, ConstTensor values, int bits, void* scratch,
                      std::byte* body) const = 0;
  virtual void decode(Context& context, const std::byte* body, int bits, Tensor values) const = 0;

  // All that decode() relies on; body: in host memory. Throws Error.
  virtual void check_body(std::span<const std::byte> body, int bits, TensorShape shape) const;

 protected:
  Codec(CodecId id, std::string_view name, int only_width)
      : id_(id), name_(name), only_width_(only_width) {}
  Codec(const Codec&) = default;

 private:
  CodecId id_;
  std::string_view name_;
  int only_width_;
};

// Null: not known to this build.
const Codec* find_codec(CodecId id);
std::vector<CodecId> known_codecs();
bool codec_valid(CodecSpec spec);  // a codec and a width that this build knows

// "raw32", "raw16", or "ptq", "aciq", "ds-aciq", "ds-aciq+", "tah", "tah2", "klt" and a width; bits
// == 0 takes the codec's only width. Throws Error naming what is accepted.
CodecSpec parse_codec(std::string_view name, double bits);
std::string codec_name(CodecId id);         // "ptq"
std::string codec_text(CodecSpec spec);     // "raw32", "ptq 4", "klt 1.5"
double width_bits(CodecSpec spec);          // 4, 1.5; of a codec that is not known, as it is stored
bool has_widths(CodecId id);                // its width can be chosen
std::vector<int> codec_widths(CodecId id);  // all that can be chosen, ascending
bool needs_tables(CodecId id);              // those of a calibrated model (`quantring calibrate`)

// Of a coded tensor, header included. Throw Error for a codec that is not known and for a shape
// that is empty or too large (2^40 elements).
std::uint64_t max_bytes(CodecSpec spec, TensorShape shape);
double expected_bits(CodecSpec spec, TensorShape shape);

// Pixels, u8 [images, channels, height, width], as a coded tensor.
std::vector<std::byte> coded_pixels(std::span<const std::byte> pixels);

void write_coded_header(CodecSpec spec, std::span<std::byte, coded_header_bytes> header);
// Throws Error: too short, unknown codec or width, reserved bytes that are not zero.
CodecSpec read_coded_header(std::span<const std::byte> coded);

// Checks all bytes that decode() relies on, header included, against the shape that is expected.
// Throws Error saying what is wrong.
CodecSpec check_coded(std::span<const std::byte> coded, TensorShape shape);

// On the host, in the caller's thread. encode() replaces what is in `coded`, using its memory
// again; decode() checks first. values: shape.elements() floats, so not for pixels. coded: aligned
// to 4 bytes, as a vector is. Throw Error.
void encode(std::span<const float> values, TensorShape shape, CodecSpec spec,
            std::vector<std::byte>& coded);
void decode(std::span<const std::byte> coded, TensorShape shape, std::span<float> values);

}  // namespace quantring
