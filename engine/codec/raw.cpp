// raw32 and raw16: the values as floats of 32 or 16 bits.
#include "engine/codec/codec.h"
#include "ops/coding/coding.h"

namespace quantring {
namespace {

class RawCodec final : public Codec {
 public:
  RawCodec(CodecId id, std::string_view name, DType dtype, int bits)
      : Codec(id, name, bits), dtype_(dtype) {}

  std::uint64_t max_body_bytes(int, TensorShape shape) const override {
    return shape.elements() * dtype_bytes(dtype_);
  }
  void encode(Context& context, ConstTensor values, int, void*, std::byte* body) const override {
    convert(context, values, {body, dtype_, values.shape});
  }
  void decode(Context& context, const std::byte* body, int, Tensor values) const override {
    convert(context, {body, dtype_, values.shape}, values);
  }

 private:
  DType dtype_;
};

}  // namespace

const Codec& raw32_codec() {
  static const RawCodec codec(CodecId::raw32, "raw32", DType::f32, 32);
  return codec;
}

const Codec& raw16_codec() {
  static const RawCodec codec(CodecId::raw16, "raw16", DType::f16, 16);
  return codec;
}

}  // namespace quantring
