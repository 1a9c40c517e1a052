#pragma once
// The forward pass of one stage: a range of half-blocks of a Vision Transformer (Dosovitskiy et al.
// 2021, pre-norm blocks), with the embedding before it or the head after it where the range begins
// or ends the model. What an architecture may have on top of that: engine/model/architecture.h.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/model/model_file.h"
#include "ops/attention.h"
#include "ops/context.h"
#include "ops/linear.h"
#include "ops/parameter.h"
#include "ops/graph.h"
#include "ops/tensor.h"

namespace quantring {

class Stage {
 public:
  // Reads its own tensors and no others, checking their hashes, and keeps what it needs: weights
  // are packed for the device; on the CPU small f32 tensors stay where the file is mapped, so
  // `model` and `context` must outlive this object. Activations are allocated here, once, for
  // batches of up to max_images. Throws Error, also where `model` is a part without these blocks.
  Stage(Context& context, const ModelFile& model, StageRange range, int max_images);

  StageRange range() const { return range_; }
  bool first() const { return range_.begin == 0; }
  bool last() const { return range_.end == architecture_.half_blocks(); }
  int max_images() const { return max_images_; }
  std::size_t activation_bytes() const;  // of the one set of activations

  // All tensors here are in the memory of the context's device. The first call with a number of
  // images may take long: a GPU chooses its kernels then.

  // First stage: pixels [images, channels, height, width], u8 as preprocess makes them, or f32
  // already normalised. A GPU is at its best when pixels of as many images come from the same few
  // places every time. The result is the residual stream [images, tokens, dim] in the context's
  // residual dtype, or, of the last stage, the logits [images, classes] f32; it is valid until the
  // next call.
  ConstTensor forward_pixels(ConstTensor pixels);

  // Other stages: put the previous stage's output into residual(images) first.
  Tensor residual(int images);  // [images, tokens, dim], the context's residual dtype
  ConstTensor forward_residual(int images);

  // Has `observer` called with what each step made, right after it: "embed", "blocks.3.attn.qkv",
  // "blocks.3.attn.out", "blocks.3.attn.residual", "blocks.3.mlp.hidden", "blocks.3.mlp.residual",
  // "pooled" (the head's input, of either head) and "logits". Behind the last block's attention
  // there are only the tokens that the head reads. For comparing devices; slow. An empty function
  // ends it.
  using Observer = std::function<void(const std::string& name, ConstTensor value)>;
  void observe(Observer observer) { observer_ = std::move(observer); }

 private:
  struct Norm {
    Parameter gamma, beta;  // [dim] f32
  };
  struct AttentionHalf {
    Norm norm;
    Linear qkv;           // dim -> 3 dim
    Norm q_norm, k_norm;  // [head_dim], with qk_norm
    Linear proj;          // dim -> dim, LayerScale in its weights
  };
  struct MlpHalf {
    Norm norm;
    Linear fc1;  // dim -> mlp_dim
    Linear fc2;  // mlp_dim -> dim, LayerScale in its weights
  };
  struct HalfBlock {
    bool is_attention;
    AttentionHalf attention;  // one of the two is filled
    MlpHalf mlp;
  };
  // What a forward pass depends on beside the values in memory.
  struct Input {
    int images;
    const void* pixels;  // null: the residual stream
    DType dtype;         // of the pixels
    bool operator==(const Input&) const = default;
  };
  struct Recording {
    Input input;
    Graph program;
  };
  static constexpr std::size_t most_recordings = 256;

  // All memory that a forward pass writes, sized once for max_images.
  struct Activations {
    Buffer residual;  // [images, tokens, dim]
    RowSums sums;     // of the residual stream's rows
    Buffer normed;    // [images, tokens, dim]; attention's output too
    Buffer wide;  // [images, tokens, max(3 dim, mlp_dim)]; before the blocks, the patches' values
    Buffer scratch;     // attention's own
    Buffer pooled;      // [head_tokens(), images, dim] of the residual stream
    Buffer head_input;  // the same of what attention made; then [images, dim], one head's at a time
    Buffer logits;      // [images, classes] f32
  };

  void load(const ModelFile& model);
  void load_heads(const ModelFile& model);
  void allocate();
  Parameter load_parameter(const ModelFile& model, const std::string& name);
  Linear load_linear(const ModelFile& model, const std::string& name, ConstTensor scale = {},
                     InputNorm norm = {});
  Linear load_normed(const ModelFile& model, const std::string& name, const std::string& norm);
  Linear load_scaled(const ModelFile& model, const std::string& name, const std::string& scale);
  Norm load_norm(const ModelFile& model, const std::string& name);

  void run(const Input& input, const std::function<void()>& body);
  void embed(int images);
  void blocks(int images);
  Tensor attend(const AttentionHalf& half, int block, int images);
  void mlp_half(const MlpHalf& half, int block, const Tensor& x);
  std::int64_t head_tokens() const;
  Tensor first_tokens(const Tensor& tokens, const Buffer& memory) const;
  void head(int images);
  ConstTensor normed_token(std::int64_t index, int images);
  ConstTensor normed_average(int images);
  ConstTensor result(int images) const;
  Tensor activations(const Buffer& memory, Shape shape) const;
  void saw(const char* what, ConstTensor value, int block = -1) const;

  Context& context_;
  Architecture architecture_;
  std::vector<float> mean_, std_;  // of the pixels, applied by the first stage
  StageRange range_;
  int max_images_;

  Linear patch_embedding_;       // patch values -> dim
  Parameter prefix_, position_;  // [prefix, dim], [tokens, dim]
  Norm embed_norm_;              // with embed_norm
  std::vector<HalfBlock> halves_;
  Norm norm_;
  Linear head_, second_head_;  // dim -> classes

  Activations act_;
  std::vector<Recording> recordings_;
  Observer observer_;
};

}  // namespace quantring
