#pragma once
// The residual streams of many pictures, taken through a model from cut to cut.

#include <span>
#include <vector>

#include "engine/model/model_file.h"
#include "engine/stage/stage.h"
#include "ops/context.h"

namespace quantring {

class StreamWalk {
 public:
  // context: the CPU; context and model must outlive this object.
  StreamWalk(Context& context, const ModelFile& model, int batch)
      : context_(context), model_(model), batch_(static_cast<std::size_t>(batch)) {}

  // From pixels u8 [images, channels, height, width] to the streams [images, tokens, dim] before
  // half-block `cut`.
  std::vector<float> begin(std::span<const std::byte> pixels, std::size_t images, int cut);
  // The streams before half-block `from`, several sets of them, become those before `to`.
  void advance(std::span<std::vector<float>* const> streams, int from, int to);

 private:
  Context& context_;
  const ModelFile& model_;
  std::size_t batch_;
};

}  // namespace quantring
