#pragma once
// The codecs where the tensor lies: encoded before it leaves the device and decoded after it came,
// so that only packed bytes are copied. Same bytes and same values as engine/codec/codec.h.
//
// On the device a coded tensor lies in one piece, its *device form*: the side information of every
// image first, also where there is only one image (whose range a frame carries in its header), then
// the codes as in the payload.

#include <cstdint>
#include <span>

#include "engine/codec/codec.h"
#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

std::uint64_t device_form_bytes(CodecSpec spec, TensorShape shape);

// Host memory on both sides. to_device_form checks all that decode() checks of a coded tensor and
// throws Error; target: device_form_bytes(). from_device_form reuses out.payload's memory.
void to_device_form(const CodedTensor& coded, std::span<std::byte> target);
void from_device_form(std::span<const std::byte> source, CodecSpec spec, TensorShape shape,
                      CodedTensor& out);

class DeviceCodec {
 public:
  // Scratch for tensors of up to `largest`.
  DeviceCodec(Context& context, TensorShape largest);

  // Enqueued like ops; neither waits nor allocates. values: [images, tokens, dim] or the same
  // elements in another shape, f32 or the context's residual dtype, which is widened to f32 first.
  void encode(ConstTensor values, TensorShape shape, CodecSpec spec, void* device_form);
  void decode(const void* device_form, TensorShape shape, CodecSpec spec, Tensor values);

 private:
  Context& context_;
  TensorShape largest_;
  Buffer scratch_;
};

}  // namespace quantring
