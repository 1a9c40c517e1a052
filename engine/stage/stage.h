#pragma once
// The forward pass of one stage: a range of half-blocks of a Vision Transformer (Dosovitskiy et al.
// 2021, pre-norm blocks), with the embedding before it or the head after it where the range begins
// or ends the model. Variants of the architecture: engine/model/architecture.h.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/model/model_file.h"
#include "engine/stage/activations.h"
#include "engine/stage/stage_weights.h"
#include "ops/context.h"
#include "ops/graph.h"
#include "ops/residual.h"
#include "ops/tensor.h"

namespace quantring {

class Stage {
 public:
  // Loads the weights (engine/stage/stage_weights.h) and allocates the activations for batches of
  // up to max_images. `model` and `context` must outlive this object. Throws Error.
  Stage(Context& context, const ModelFile& model, StageRange range, int max_images);

  StageRange range() const { return range_; }
  bool first() const { return range_.begin == 0; }
  bool last() const { return range_.end == architecture_.half_blocks(); }
  int max_images() const { return max_images_; }
  std::size_t activation_bytes() const { return act_.bytes(); }

  // All tensors here are in the memory of the context's device. The first call with a number of
  // images may take long: a GPU chooses its kernels then.

  // First stage: pixels [images, channels, height, width], u8 as preprocess makes them, or f32
  // already normalised. A GPU replays a recorded pass where the same address was given before with
  // as many images. Returns the residual stream [images, tokens, dim] in the context's residual
  // dtype, or, of the last stage, the logits [images, classes] f32; valid until the next call.
  ConstTensor forward_pixels(ConstTensor pixels);

  // Other stages: put the previous stage's output into residual(images) first.
  Tensor residual(int images);  // [images, tokens, dim], the context's residual dtype
  ConstTensor forward_residual(int images);

  // Calls `observer` with the result of each step: "embed", "blocks.3.attn.qkv",
  // "blocks.3.attn.out", "blocks.3.attn.residual", "blocks.3.mlp.hidden", "blocks.3.mlp.residual",
  // "pooled" (the head's input, of either head) and "logits". Behind the last block's attention
  // there are only the tokens that the head reads. For comparing devices; slow. An empty function
  // ends it.
  using Observer = std::function<void(const std::string& name, ConstTensor value)>;
  void observe(Observer observer) { observer_ = std::move(observer); }

 private:
  // All that a forward pass depends on besides the values in memory.
  struct Input {
    int images;
    const void* pixels;  // null: the residual stream
    DType dtype;         // of the pixels
    bool operator==(const Input&) const = default;
  };
  struct Recording {
    Input input;
    Graph graph;
  };
  static constexpr std::size_t max_recordings = 256;

  void run(const Input& input, const std::function<void()>& body);
  void embed(ConstTensor pixels);
  void blocks(int images);
  void attention_half(const AttentionHalf& half, int block, Residual& x);
  void mlp_half(const MlpHalf& half, int block, Residual& x);
  void keep_head_tokens(int block, Residual& x, Tensor* attended = nullptr);
  void head(const Residual& x);
  ConstTensor normed_token(const Residual& x, std::int64_t index);
  ConstTensor normed_average(const Residual& x);

  ConstTensor result(int images) const;
  Tensor activations(const Buffer& memory, Shape shape) const;
  void saw(const char* what, ConstTensor value, int block = -1) const;

  Context& context_;
  Architecture architecture_;
  StageRange range_;
  int max_images_;
  StageWeights weights_;
  Activations act_;
  std::vector<Recording> recordings_;
  Observer observer_;
};

}  // namespace quantring
