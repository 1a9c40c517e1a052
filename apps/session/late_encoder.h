#pragma once
// Codes a stage's output at the last moment: on the CPU, where the result of a micro-batch lies in
// memory until there is room for it on the link, the codec is chosen for the link as it is then.

#include <cstddef>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/codec/device_codec.h"
#include "ops/context.h"

namespace quantring::apps {

class LateEncoder {
 public:
  // context: of a CPU. largest: micro-batch.
  LateEncoder(Context& context, TensorShape largest);

  // raw: coded in raw32. Puts the same bytes in `out` as coding the values at once would have.
  void encode(const CodedTensor& raw, CodecSpec spec, CodedTensor& out);

 private:
  DeviceCodec codec_;
  std::vector<std::byte> form_;
};

}  // namespace quantring::apps
