#pragma once
// A coded tensor of the engine is the payload of a message of the net.

#include "engine/codec/codec.h"
#include "net/wire/message.h"

namespace quantring {

// Fills the fields that repeat what the payload's header and the model say: net counts elements and
// shows the codec from them. The receiver relies on `images` and `payload` alone.
inline void describe_payload(net::Message& message, TensorShape shape) {
  const CodecSpec spec = read_coded_header(message.payload);
  message.codec = static_cast<std::uint8_t>(spec.id);
  message.bits = spec.bits;
  message.images = shape.images;
  message.tokens = shape.tokens;
  message.dim = shape.dim;
}

}  // namespace quantring
