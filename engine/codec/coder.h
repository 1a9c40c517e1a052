#pragma once
// Codes the tensors of one context: bytes of the host on one side, tensors of the device on the
// other. Rings, `quantring evaluate` and `bench` all code through this.

#include <cstdint>
#include <span>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/codec/klt/klt.h"
#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// What codecs have learned about the cuts at which a Coder sends and receives; null: nothing.
struct CoderTables {
  const KltTables* sent = nullptr;
  const KltTables* received = nullptr;
};

class Coder {
 public:
  // max: of the tensors that are coded. context and tables must outlive this object.
  Coder(Context& context, TensorShape max, CoderTables tables = {});

  // values: [images, ..., dim] in the context's memory (engine/codec/codec.h). The CPU writes
  // straight into `coded`, whose memory is used again, and reads straight from it. On a GPU both
  // wait; a pipeline uses the two below. decode() checks all of `coded` first and throws Error.
  void encode(ConstTensor values, CodecSpec spec, std::vector<std::byte>& coded);
  CodecSpec decode(std::span<const std::byte> coded, Tensor values);

  // Enqueued like ops, and neither wait nor allocate. body: what follows the header, in the
  // device's memory, aligned to 16 bytes; decode_body() takes one that check_coded() has passed.
  void encode_body(ConstTensor values, CodecSpec spec, std::byte* body);
  void decode_body(const std::byte* body, CodecSpec spec, Tensor values);

 private:
  void check_shape(const ConstTensor& values) const;
  const Codec& sender(CodecId id) const;  // with its tables
  const Codec& receiver(CodecId id) const;
  std::byte* device_body();

  Context& context_;
  TensorShape max_;
  KltCodec klt_sent_, klt_received_;
  Buffer scratch_;
  Buffer body_;  // a GPU's, for encode() and decode(); allocated by the first call
};

// Of the values' dimensions: [images, tokens..., dim]; [images, dim] has one token.
TensorShape tensor_shape(const Shape& shape);

// Host values of a shape, as a tensor for a CPU context. Throws Error for another number of them.
ConstTensor host_tensor(std::span<const float> values, TensorShape shape);
Tensor host_tensor(std::span<float> values, TensorShape shape);

// Room for a body of any codec and width.
std::uint64_t max_body_bytes(TensorShape shape);

}  // namespace quantring
