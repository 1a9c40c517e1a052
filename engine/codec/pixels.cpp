// pixels: u8 as they are. The shape is [images, channels, height * width]; stage 0 normalises them.
#include "engine/codec/codec.h"
#include "ops/coding/coding.h"

namespace quantring {
namespace {

class PixelsCodec final : public Codec {
 public:
  PixelsCodec() : Codec(CodecId::pixels, "pixels", 8) {}

  std::uint64_t max_body_bytes(int, TensorShape shape) const override { return shape.elements(); }
  void encode(Context& context, ConstTensor values, int, void*, std::byte* body) const override {
    convert(context, values, {body, DType::u8, values.shape});
  }
  void decode(Context& context, const std::byte* body, int, Tensor values) const override {
    convert(context, {body, DType::u8, values.shape}, values);
  }
};

}  // namespace

const Codec& pixels_codec() {
  static const PixelsCodec codec;
  return codec;
}

}  // namespace quantring
