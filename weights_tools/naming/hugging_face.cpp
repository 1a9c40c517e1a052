// Hugging Face transformers: ViT, DeiT, ViT-MSN, DINOv2 with and without registers, each
// ForImageClassification; with the names of the files on the hub and of transformers 5.

#include "weights_tools/naming/table.h"

namespace quantring::weights {
namespace {

constexpr const char* patch_name = "embeddings.patch_embeddings.projection.weight";

NameTable hugging_face_table(const std::string& framework) {
  NameTable t;
  t.framework = framework;
  t.rules = {{"embeddings.cls_token", "token.class"},
             {"embeddings.distillation_token", "token.distillation"},
             {"embeddings.register_tokens", "token.registers"},
             {"embeddings.position_embeddings", "position"},
             {"embeddings.patch_embeddings.projection.*", "patch.*"},
             {"layernorm.*", "norm.*"},
             {"classifier.*", "head.*"},
             {"head.*", "head.*"},  // of a separate file (head_file.h)
             {"cls_classifier.*", "head.*"},
             {"distillation_classifier.*", "head_distillation.*"}};
  // transformers 5 saves the blocks of ViT-MSN beside the ViT, without the prefix of the others.
  for (const std::string block : {"encoder.layer.#.", "layers.#."}) {
    for (const auto& [name, role] : {std::pair("layernorm_before", "norm1"),
                                     {"norm1", "norm1"},
                                     {"layernorm_after", "norm2"},
                                     {"norm2", "norm2"},
                                     {"attention.attention.query", "attn.q"},
                                     {"attention.attention.key", "attn.k"},
                                     {"attention.attention.value", "attn.v"},
                                     {"attention.output.dense", "attn.proj"},
                                     {"attention.q_proj", "attn.q"},
                                     {"attention.k_proj", "attn.k"},
                                     {"attention.v_proj", "attn.v"},
                                     {"attention.o_proj", "attn.proj"},
                                     {"intermediate.dense", "mlp.fc1"},
                                     {"output.dense", "mlp.fc2"},
                                     {"mlp.fc1", "mlp.fc1"},
                                     {"mlp.fc2", "mlp.fc2"}}) {
      t.rules.push_back({block + name + ".*", std::string("blocks.#.") + role + ".*"});
    }
    t.rules.push_back({block + "layer_scale1.lambda1", "blocks.#.scale1"});
    t.rules.push_back({block + "layer_scale2.lambda1", "blocks.#.scale2"});
  }
  t.refused = {{"relative_position", "relative positions (BEiT)"},
               {"lambda_", "BEiT's blocks"},
               {"rope", "rotary position embeddings (RoPE)"},
               {"mlp.weights_", "a gated MLP (SwiGLU)"},
               {"mlp.gate_proj", "a gated MLP (SwiGLU)"},
               {"mlp.up_proj", "a gated MLP (SwiGLU)"},
               {"mlp.down_proj", "a gated MLP (SwiGLU)"},
               {"patch_embeddings.backbone", "a convolutional network before the patches (hybrid)"},
               {"embeddings.backbone", "a convolutional network before the patches (hybrid)"},
               {"embeddings.norm", "a norm in the patch embedding"}};
  t.unused = {{"mask_token", "for training with masked images"},
              {"pooler.", "not needed for classification"}};
  return t;
}

// SigLIP's tower. Its classifier takes the mean of the patches, not the attention pooling.
NameTable siglip_table() {
  NameTable t;
  t.framework = "Hugging Face SigLIP";
  const std::string block = "encoder.layers.#.";
  t.rules = {{"embeddings.patch_embedding.*", "patch.*"},
             {"embeddings.position_embedding.weight", "position"},
             {"post_layernorm.*", "norm.*"},
             {"classifier.*", "head.*"},
             {"head.*", "head.*"},  // of a separate file (head_file.h)
             {block + "layer_norm1.*", "blocks.#.norm1.*"},
             {block + "self_attn.q_proj.*", "blocks.#.attn.q.*"},
             {block + "self_attn.k_proj.*", "blocks.#.attn.k.*"},
             {block + "self_attn.v_proj.*", "blocks.#.attn.v.*"},
             {block + "self_attn.out_proj.*", "blocks.#.attn.proj.*"},
             {block + "layer_norm2.*", "blocks.#.norm2.*"},
             {block + "mlp.fc1.*", "blocks.#.mlp.fc1.*"},
             {block + "mlp.fc2.*", "blocks.#.mlp.fc2.*"}};
  t.refused = {{"embeddings.class_embedding", "CLIP's names, with a norm before the blocks"},
               {"pre_layrnorm", "CLIP's names, with a norm before the blocks"}};
  t.unused = {{"head.", "attention pooling, which the classifier does not take"},
              {"position_ids", "not needed for classification"},
              {"text_model.", "the text tower"},
              {"logit_", "for comparison with texts"}};
  return t;
}

std::optional<Naming> read_siglip_names(const ViTNames& vit) {
  if (vit.tensors.count("embeddings.patch_embedding.weight") == 0) return std::nullopt;
  Naming naming = apply_table(siglip_table(), vit);
  naming.pooling = {Pooling::average, "transformers' SiglipForImageClassification"};
  naming.positioned_prefix = 0;
  naming.usual_prefix = vit.prefix == "vision_model.";
  return naming;
}

std::string framework_of(const TensorInfos& tensors, const ConfigFacts& config) {
  const auto has = [&](const char* name) { return tensors.count(name) != 0; };
  if (has("encoder.layer.0.norm1.weight") || has("layers.0.norm1.weight")) {
    return has("embeddings.register_tokens") ? "Hugging Face DINOv2 with registers"
                                             : "Hugging Face DINOv2";
  }
  if (has("embeddings.distillation_token")) return "Hugging Face DeiT";
  const bool msn = config.model_type && config.model_type->value == "vit_msn";
  return msn ? "Hugging Face ViT-MSN" : "Hugging Face ViT";
}

}  // namespace

std::optional<Naming> read_hugging_face_names(const ViTNames& vit, const ConfigFacts& config) {
  const TensorInfos& tensors = vit.tensors;
  if (!tensors.count(patch_name)) return read_siglip_names(vit);
  const std::string framework = framework_of(tensors, config);
  Naming naming = apply_table(hugging_face_table(framework), vit);
  for (const char* const model : {"vit.", "deit.", "dinov2.", "dinov2_with_registers.", "ijepa."})
    naming.usual_prefix = naming.usual_prefix || vit.prefix == model;
  const bool distillation = naming.roles.count("token.distillation") != 0;
  const std::string name = naming.roles.at("head.weight").tensor;
  if (naming.roles.count("head_distillation.weight")) {
    naming.pooling = {Pooling::class_and_distillation, "'distillation_classifier' in the file"};
  } else if (head_over_both(tensors, naming)) {
    naming.pooling = {Pooling::class_and_average, "shape of '" + name + "'"};
  } else if (naming.roles.count("token.class") == 0) {
    naming.pooling = {Pooling::average, "no class token in the file, as in I-JEPA"};
  } else {
    naming.pooling = {Pooling::class_token, "transformers' ForImageClassification"};
  }
  // Heads, eps and activation are only in config.json, but all published models have the default
  // activation.
  naming.activation = {Activation::gelu_erf, "transformers' default"};
  naming.positioned_prefix = distillation ? 2 : static_cast<int>(naming.roles.count("token.class"));
  // transformers' Dinov2Embeddings and Dinov2WithRegistersEmbeddings resample the positions to each
  // picture, the former without antialiasing.
  naming.any_image_size = framework.find("DINOv2") != std::string::npos;
  if (framework == "Hugging Face DINOv2") naming.resampling = Resampling::plain;
  return naming;
}

}  // namespace quantring::weights
