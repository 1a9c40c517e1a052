// Clipped where the error of a sample of tokens is smallest (ops/coding/coding_error.h).
#include "engine/codec/uniform_grid.h"

namespace quantring {

const Codec& ds_aciq_plus_codec() {
  static const UniformGridCodec codec(CodecId::ds_aciq_plus, "ds-aciq+", Clip::ds_aciq_plus);
  return codec;
}

}  // namespace quantring
