// Clipped at a multiple of the b of a Laplace fitted to the histogram (QuantPipe).
#include "engine/codec/uniform_grid.h"

namespace quantring {

const Codec& ds_aciq_codec() {
  static const UniformGridCodec codec(CodecId::ds_aciq, "ds-aciq", Clip::ds_aciq);
  return codec;
}

}  // namespace quantring
