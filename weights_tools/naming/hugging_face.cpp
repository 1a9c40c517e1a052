// Hugging Face transformers: ViT, DeiT, ViT-MSN, DINOv2 with and without registers, each
// ForImageClassification; with the names of the files on the hub and of transformers 5.

#include <set>

#include "weights_tools/naming/table.h"

namespace quantring::weights {
namespace {

constexpr const char* patch_name = "embeddings.patch_embeddings.projection.weight";

NameTable hugging_face_table(const std::string& prefix, const std::string& framework) {
  NameTable t;
  t.framework = framework;
  t.rules = {{prefix + "embeddings.cls_token", "token.class"},
             {prefix + "embeddings.distillation_token", "token.distillation"},
             {prefix + "embeddings.register_tokens", "token.registers"},
             {prefix + "embeddings.position_embeddings", "position"},
             {prefix + "embeddings.patch_embeddings.projection.*", "patch.*"},
             {prefix + "layernorm.*", "norm.*"},
             {"classifier.*", "head.*"},
             {"head.*", "head.*"},  // of a separate file (head_file.h)
             {"cls_classifier.*", "head.*"},
             {"distillation_classifier.*", "head_distillation.*"}};
  // transformers 5 saves the blocks of ViT-MSN without the prefix of the other tensors.
  const std::set<std::string> blocks = {prefix + "encoder.layer.#.", prefix + "layers.#.",
                                        "encoder.layer.#."};
  for (const std::string& block : blocks) {
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

std::string framework_of(const std::string& prefix, const TensorInfos& tensors,
                         const ConfigFacts& config) {
  const auto has = [&](const char* name) { return tensors.count(prefix + name) != 0; };
  if (has("encoder.layer.0.norm1.weight") || has("layers.0.norm1.weight")) {
    return has("embeddings.register_tokens") ? "Hugging Face DINOv2 with registers"
                                             : "Hugging Face DINOv2";
  }
  if (has("embeddings.distillation_token")) return "Hugging Face DeiT";
  const bool msn = config.model_type && config.model_type->value == "vit_msn";
  return msn ? "Hugging Face ViT-MSN" : "Hugging Face ViT";
}

// The prefix before "embeddings." in the name of the patch kernel.
std::optional<std::string> find_prefix(const TensorInfos& tensors) {
  for (const char* prefix :
       {"", "vit.", "deit.", "dinov2.", "dinov2_with_registers.", "beit.", "data2vec_vision."}) {
    if (tensors.count(std::string(prefix) + patch_name)) return prefix;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Naming> read_hugging_face_names(const TensorInfos& tensors,
                                              const ConfigFacts& config) {
  const auto prefix = find_prefix(tensors);
  if (!prefix) return std::nullopt;
  const std::string framework = framework_of(*prefix, tensors, config);
  Naming naming = apply_table(hugging_face_table(*prefix, framework), tensors);
  const bool distillation = naming.roles.count("token.distillation") != 0;
  const std::string name = naming.roles.at("head.weight").tensor;
  if (naming.roles.count("head_distillation.weight")) {
    naming.pooling = {Pooling::class_and_distillation, "'distillation_classifier' in the file"};
  } else if (head_over_both(tensors, naming)) {
    naming.pooling = {Pooling::class_and_average, "shape of '" + name + "'"};
  } else {
    naming.pooling = {Pooling::class_token, "transformers' ForImageClassification"};
  }
  // Heads, eps and activation are only in config.json, but all published models have the default
  // activation.
  naming.activation = {Activation::gelu_erf, "transformers' default"};
  naming.positioned_prefix = distillation ? 2 : 1;
  // transformers' Dinov2Embeddings and Dinov2WithRegistersEmbeddings resample the positions to each
  // picture, the former without antialiasing.
  naming.any_image_size = framework.find("DINOv2") != std::string::npos;
  if (framework == "Hugging Face DINOv2") naming.resampling = Resampling::plain;
  return naming;
}

}  // namespace quantring::weights
