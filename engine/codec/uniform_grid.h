#pragma once
// What ptq, aciq, ds-aciq and ds-aciq+ share: a uniform grid for each image (ops/coding/coding.h).
// They differ in what the encoder clips an image to.
//
// PipeEdge and QuantPipe choose one clip for a whole micro-batch; here every image has its own, so
// that a result does not depend on how images are batched. An image of one value has scale 0 and
// comes back exactly; one without a finite value decodes to 0; where all values have one sign, the
// clip of aciq and ds-aciq, around 0, may leave nothing of them but a constant, as in PipeEdge.

#include "engine/codec/codec.h"
#include "ops/coding/coding.h"

namespace quantring {

class UniformGridCodec final : public Codec {
 public:
  UniformGridCodec(CodecId id, std::string_view name, Clip clip)
      : Codec(id, name, 0), clip_(clip) {}

  std::uint64_t max_body_bytes(int bits, TensorShape shape) const override;
  std::size_t scratch_bytes(const Context& context, TensorShape max) const override;
  void encode(Context& context, ConstTensor values, int bits, void* scratch,
              std::byte* body) const override;
  void decode(Context& context, const std::byte* body, int bits, Tensor values) const override;
  void check_body(std::span<const std::byte> body, int bits, TensorShape shape) const override;

 private:
  Clip clip_;
};

}  // namespace quantring
