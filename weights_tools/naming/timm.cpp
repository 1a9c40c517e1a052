// timm's VisionTransformer and VisionTransformerDistilled, and the files of DeiT, DeiT III, MAE and
// others with the same names (https://github.com/huggingface/pytorch-image-models).

#include "ops/base/error.h"
#include "weights_tools/naming/table.h"

namespace quantring::weights {
namespace {

const NameTable& timm_table() {
  static const NameTable table = {
      "timm",
      {{"patch_embed.proj.*", "patch.*"},
       {"cls_token", "token.class"},
       {"dist_token", "token.distillation"},
       {"reg_token", "token.registers"},
       {"register_tokens", "token.registers"},  // DINOv2's own
       {"pos_embed", "position"},
       {"norm_pre.*", "embed.norm.*"},
       {"blocks.#.norm1.*", "blocks.#.norm1.*"},
       {"blocks.#.attn.qkv.*", "blocks.#.attn.qkv.*"},
       {"blocks.#.attn.q_norm.*", "blocks.#.attn.q_norm.*"},
       {"blocks.#.attn.k_norm.*", "blocks.#.attn.k_norm.*"},
       {"blocks.#.attn.proj.*", "blocks.#.attn.proj.*"},
       {"blocks.#.ls1.gamma", "blocks.#.scale1"},
       {"blocks.#.gamma_1", "blocks.#.scale1"},  // DeiT III's own
       {"blocks.#.norm2.*", "blocks.#.norm2.*"},
       {"blocks.#.mlp.fc1.*", "blocks.#.mlp.fc1.*"},
       {"blocks.#.mlp.fc2.*", "blocks.#.mlp.fc2.*"},
       {"blocks.#.ls2.gamma", "blocks.#.scale2"},
       {"blocks.#.gamma_2", "blocks.#.scale2"},
       {"norm.*", "norm.*"},
       {"fc_norm.*", "pooled_norm.*"},
       {"head.*", "head.*"},
       {"head_dist.*", "head_distillation.*"}},
      {{"rope", "rotary position embeddings (RoPE)"},
       {"rel_pos", "relative positions"},
       {"relative_position", "relative positions"},
       {"attn.q_bias", "separate query and value biases, as BEiT and EVA with relative positions"},
       {"attn.v_bias", "separate query and value biases, as BEiT and EVA with relative positions"},
       {"attn.q_proj", "separate query, key and value layers, as EVA"},
       {"mlp.fc1_", "a gated MLP (SwiGLU)"},
       {"mlp.w1", "a gated MLP (SwiGLU)"},
       {"mlp.w3", "a gated MLP (SwiGLU)"},
       {"mlp.gate", "a gated MLP"},
       {"mlp.norm", "a norm inside the MLP"},
       {"attn.norm", "a norm inside the attention"},
       {"attn.inner_attn_ln", "a norm inside the attention"},
       {"attn.gate", "gated attention"},
       {"lambda_", "differential attention"},
       {"attn.proj_l", "talking heads (CaiT)"},
       {"attn.temperature", "cross-covariance attention (XCiT)"},
       {"blocks_token_only", "class attention (CaiT)"},
       {"attn_pool", "attention pooling"},
       {"attns.", "parallel attention blocks"},
       {"ffns.", "parallel MLP blocks"},
       {"in_proj", "blocks with attention and MLP in parallel"},
       {"patch_embed.backbone", "a convolutional network before the patches (hybrid)"},
       {"patch_embed.conv", "a convolutional stem"},
       {"patch_embed.proj.", "a convolutional stem"},
       {"patch_embed.norm", "a norm in the patch embedding"},
       {"pre_logits", "a further layer before the classifier (pre_logits)"},
       {"linear_head", "DINOv2's separate linear head"},
       {"storage_tokens", "DINOv3's blocks"}},
      {{"mask_token", "for training with masked images"}}};
  return table;
}

// Defaults of timm's constructor. A config with the name of the architecture overrides them.
void set_defaults(Naming& naming) {
  // A norm before the blocks means CLIP: eps 1e-5, and one of two activations.
  if (naming.roles.count("embed.norm.weight")) return;
  naming.norm_eps = {1e-6f, "timm's VisionTransformer"};
  naming.activation = {Activation::gelu_erf, "timm's VisionTransformer"};
}

// timm's res-post-norm blocks (vit_*_rpn_*) have the names and shapes of a plain ViT without qkv
// bias, but normalise behind each half: only the name of the architecture distinguishes them.
void refuse_unknown_blocks(const ConfigFacts& config, const Naming& naming) {
  if (config.architecture) return;
  for (const char* plain :
       {"blocks.0.attn.qkv.bias", "blocks.0.scale1", "blocks.0.attn.q_norm.weight",
        "embed.norm.weight", "token.registers"}) {
    if (naming.roles.count(plain)) return;
  }
  throw Error(
      "a timm ViT without qkv bias: its norms may be before each half of a block, or behind it as "
      "in "
      "vit_*_rpn_* (which QuantRing cannot run), under the same names; add timm's config.json, "
      "which has \"architecture\"");
}

// DINOv2's classifier on the concatenation of class token and average of the patches.
bool has_dinov2_head(const TensorInfos& tensors, const Naming& naming) {
  if (!head_over_both(tensors, naming)) return false;
  if (naming.roles.count("blocks.0.scale1")) return true;
  throw Error(
      "the classifier has two inputs per channel, but the model is not DINOv2 (it has no "
      "LayerScale): DINO's classifier interleaves class token and average, which QuantRing cannot "
      "run");
}

// For the original files of DINOv2, not timm's copies.
void set_dinov2_resampling(const TensorInfos& tensors, Naming& naming) {
  if (!tensors.count("mask_token") || !naming.roles.count("blocks.0.scale1")) return;
  if (!tensors.count("register_tokens")) naming.resampling = Resampling::dinov2;
}

}  // namespace

std::optional<Naming> read_timm_names(const ViTNames& vit, const ConfigFacts& config) {
  const TensorInfos& tensors = vit.tensors;
  const auto patch = tensors.lower_bound("patch_embed.");
  const bool patches = patch != tensors.end() && patch->first.rfind("patch_embed.", 0) == 0;
  const auto block = tensors.lower_bound("blocks.0.");
  const bool blocks = block != tensors.end() && block->first.rfind("blocks.0.", 0) == 0;
  if (!patches || !blocks) return std::nullopt;
  Naming naming = apply_table(timm_table(), vit);
  set_defaults(naming);
  refuse_unknown_blocks(config, naming);
  set_dinov2_resampling(tensors, naming);
  if (naming.roles.count("head_distillation.weight")) {
    naming.pooling = {Pooling::class_and_distillation, "'head_dist.weight' in the file"};
  } else if (has_dinov2_head(tensors, naming)) {
    naming.pooling = {Pooling::class_and_average, "shape of the classifier"};
  } else if (!naming.roles.count("token.class")) {
    naming.pooling = {Pooling::average, "no class token in the file"};
  } else if (naming.roles.count("pooled_norm.weight")) {
    naming.pooling = {Pooling::average, "'fc_norm.weight' in the file"};
  } else {
    naming.pooling = {Pooling::class_token, "timm's VisionTransformer with a class token"};
  }
  // DINOv2 adds its registers after the positions, which the class token has.
  if (tensors.count("register_tokens")) naming.positioned_prefix = 1;
  return naming;
}

}  // namespace quantring::weights
