// Min-max: the grid spans all finite values of the image (QuantPipe's baseline).
#include "engine/codec/uniform_grid.h"

namespace quantring {

const Codec& ptq_codec() {
  static const UniformGridCodec codec(CodecId::ptq, "ptq", Clip::none);
  return codec;
}

}  // namespace quantring
