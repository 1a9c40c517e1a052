#include "apps/session/late_encoder.h"

namespace quantring::apps {

LateEncoder::LateEncoder(Context& context, TensorShape largest) : codec_(context, largest) {}

void LateEncoder::encode(const CodedTensor& raw, CodecSpec spec, CodedTensor& out) {
  const TensorShape shape = raw.shape;
  form_.resize(device_form_bytes(spec, shape));
  codec_.encode({raw.payload.data(), DType::f32, {shape.images, shape.tokens, shape.dim}}, shape,
                spec, form_.data());
  from_device_form(form_, spec, shape, out);
}

}  // namespace quantring::apps
