// Clipped at a multiple of the image's deviation (Banner et al. 2019, as PipeEdge has it).
#include "engine/codec/uniform_grid.h"

namespace quantring {

const Codec& aciq_codec() {
  static const UniformGridCodec codec(CodecId::aciq, "aciq", Clip::aciq);
  return codec;
}

}  // namespace quantring
