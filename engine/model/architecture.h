#pragma once
// The architecture of a Vision Transformer (Dosovitskiy et al. 2021), as the model file states it,
// and the canonical names and shapes of its tensors.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ops/linear.h"

namespace quantring {

// The input of the head. The last two have a second head, whose logits are added:
enum class Pooling : std::uint8_t {
  class_token,
  average,                 // of the patch tokens
  class_and_distillation,  // mean of head(class token) and head_distillation(distillation token)
                           // (DeiT, Touvron et al. 2021)
  class_and_average,       // head(class token) + head_average(average): a linear head on the
                           // concatenation of both (DINOv2, Oquab et al. 2023)
};

inline bool has_second_head(Pooling pooling) {
  return pooling == Pooling::class_and_distillation || pooling == Pooling::class_and_average;
}

struct Architecture {
  int image_height = 0, image_width = 0;  // pixels
  int patch_height = 0, patch_width = 0;  // pixels
  int channels = 0;                       // 1 or 3
  int dim = 0;                            // width of the residual stream
  int depth = 0;                          // blocks
  int heads = 0;
  int mlp_dim = 0;
  int classes = 0;
  // Tokens before the patches, in this order:
  bool has_class_token = true;
  bool has_distillation_token = false;
  int registers = 0;         // register tokens (Darcet et al. 2023)
  bool embed_norm = false;   // a layernorm between embedding and blocks (CLIP; timm: norm_pre)
  bool qk_norm = false;      // layernorms on each head's queries and keys (ViT-22B)
  bool layer_scale = false;  // a learned scale on what each half-block adds (CaiT)
  Pooling pooling = Pooling::class_token;
  bool norm_after_pooling = false;  // where the final layernorm stands; matters for average pooling
  float norm_eps = 1e-6f;
  Activation activation = Activation::gelu_erf;

  int prefix_tokens() const {
    return (has_class_token ? 1 : 0) + (has_distillation_token ? 1 : 0) + registers;
  }
  int head_dim() const { return dim / heads; }
  int patches() const { return (image_height / patch_height) * (image_width / patch_width); }
  int tokens() const { return prefix_tokens() + patches(); }
  int half_blocks() const { return 2 * depth; }
  bool has_second_head() const { return quantring::has_second_head(pooling); }
  const char* second_head() const {  // the name of its tensors, if has_second_head()
    return pooling == Pooling::class_and_average ? "head_average" : "head_distillation";
  }
  bool operator==(const Architecture&) const = default;
};

// Throws Error naming the invalid value (a size out of bounds, heads that do not divide dim, ...).
void check_architecture(const Architecture& architecture);

// A JSON object. Features that a plain ViT does not have (distillation_token, registers,
// embed_norm, qk_norm, layer_scale) are written only if present, so that the JSON of a plain ViT,
// which the model's hash covers, never changes. The reader refuses unknown keys: they would change
// the answers.
std::string architecture_to_json(const Architecture& architecture);
Architecture architecture_from_json(const std::string& text);  // checked; throws Error

// As in the JSON: "class_token", "average", ...
const char* pooling_name(Pooling pooling);

// The version of the model file's format that the architecture needs: 1 for a plain ViT; 2 if it
// has a token, norm, scale, pooling or activation that readers of version 1 do not know.
int model_format(const Architecture& architecture);

// Work of one image in GFLOP: matrix products only, a multiply-add counted as two.
double gflops_per_image(const Architecture& architecture);

// Half-blocks [begin, end) of the model: 2i is block i's attention with its residual, 2i+1 its MLP.
// The range that starts at 0 embeds the pixels too; the one that ends at half_blocks() has norm and
// head.
struct StageRange {
  int begin = 0, end = 0;
  bool operator==(const StageRange&) const = default;
};

// Cuts the model into `stages` ranges of nearly equal length. Throws Error if there are more stages
// than half-blocks.
std::vector<StageRange> split_evenly(const Architecture& architecture, int stages);

// "blocks 2-5", "blocks 2.5-6" (.5: after the block's attention).
std::string range_text(StageRange range);

// "0-6", or "2.5-6": from behind block 2's attention to before block 6. Nothing if malformed.
std::optional<StageRange> parse_range(const std::string& text);

struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  std::size_t elements() const;
};

// Canonical tensors of a range, in file order: embed.patch.weight [dim, channels, patch_h,
// patch_w], embed.patch.bias [dim], embed.prefix [prefix, dim], embed.position [tokens, dim] (zero
// rows for prefix tokens without a position), embed.norm.{weight,bias} (embed_norm),
// blocks.I.{norm1,attn.qkv,attn.proj,norm2,mlp.fc1,mlp.fc2}.{weight,bias},
// blocks.I.attn.{q_norm,k_norm}.{weight,bias} [head_dim] (qk_norm), blocks.I.{scale1,scale2} [dim]
// (layer_scale), norm.{weight,bias}, head.{weight,bias} and head_distillation.{weight,bias} or
// head_average.{weight,bias} (by pooling). Linear weights are [out, in]; a layer that has no bias
// in the checkpoint has zeros here.
std::vector<TensorSpec> tensor_specs(const Architecture& architecture, StageRange range);
std::vector<TensorSpec> tensor_specs(const Architecture& architecture);  // the whole model

}  // namespace quantring
