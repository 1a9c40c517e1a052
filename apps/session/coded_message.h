#pragma once
// The one place where a coded tensor of the engine becomes a message of the net, and back.

#include <utility>

#include "engine/codec/codec.h"
#include "net/wire/message.h"

namespace quantring::apps {

// Moves the payload; the memory that was in `message` goes into `coded` for the next encode.
inline void to_message(CodedTensor& coded, net::Message& message) {
  message.codec = static_cast<std::uint8_t>(coded.spec.id);
  message.bits = coded.spec.bits;
  message.images = coded.shape.images;
  message.tokens = coded.shape.tokens;
  message.dim = coded.shape.dim;
  message.scale = coded.scale;
  message.offset = coded.offset;
  std::swap(message.payload, coded.payload);
}

inline CodedTensor from_message(net::Message& message) {
  return {{static_cast<CodecId>(message.codec), message.bits},
          {message.images, message.tokens, message.dim},
          message.scale,
          message.offset,
          std::move(message.payload)};
}

}  // namespace quantring::apps
