#pragma once
// The tensors of small checkpoints in each naming, without values: for tests of names and plans.

#include <string>
#include <vector>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::test {

using weights::TensorInfos;
using TensorShape = std::vector<std::int64_t>;

inline void add(TensorInfos& tensors, const std::string& name, const TensorShape& shape) {
  tensors[name] = {"F32", shape};
}

// weight and bias; the bias as long as the first dimension.
inline void add_layer(TensorInfos& tensors, const std::string& name, const TensorShape& shape) {
  add(tensors, name + ".weight", shape);
  add(tensors, name + ".bias", {shape[0]});
}

// dim 12, 2 blocks, MLP 20, 5 classes, patches 2x2 of RGB, 4x4 patches, so images of 8x8.
inline TensorInfos timm_tensors(std::int64_t positions = 17) {
  TensorInfos t;
  add(t, "cls_token", {1, 1, 12});
  add(t, "pos_embed", {1, positions, 12});
  add_layer(t, "patch_embed.proj", {12, 3, 2, 2});
  for (const std::string block : {"blocks.0.", "blocks.1."}) {
    add_layer(t, block + "norm1", {12});
    add_layer(t, block + "attn.qkv", {36, 12});
    add_layer(t, block + "attn.proj", {12, 12});
    add_layer(t, block + "norm2", {12});
    add_layer(t, block + "mlp.fc1", {20, 12});
    add_layer(t, block + "mlp.fc2", {12, 20});
  }
  add_layer(t, "norm", {12});
  add_layer(t, "head", {5, 12});
  return t;
}

// old: as the files on the hub; otherwise as transformers 5. model: "vit.", "deit.", "dinov2.", "".
inline TensorInfos hugging_face_tensors(const std::string& model, bool old) {
  TensorInfos t;
  const bool dino = model.rfind("dinov2", 0) == 0;
  add(t, model + "embeddings.cls_token", {1, 1, 12});
  add(t, model + "embeddings.position_embeddings", {1, model == "deit." ? 18 : 17, 12});
  if (model == "deit.") add(t, model + "embeddings.distillation_token", {1, 1, 12});
  add_layer(t, model + "embeddings.patch_embeddings.projection", {12, 3, 2, 2});
  for (const std::string i : {"0.", "1."}) {
    const std::string block = model + (old || dino ? "encoder.layer." : "layers.") + i;
    add_layer(t, block + (dino ? "norm1" : "layernorm_before"), {12});
    const std::string attention = block + (old ? "attention.attention." : "attention.");
    for (const std::string layer : {"query", "key", "value"}) {
      add_layer(t, attention + (old ? layer : layer.substr(0, 1) + "_proj"), {12, 12});
    }
    add_layer(t, block + (old ? "attention.output.dense" : "attention.o_proj"), {12, 12});
    add_layer(t, block + (dino ? "norm2" : "layernorm_after"), {12});
    add_layer(t, block + (old && !dino ? "intermediate.dense" : "mlp.fc1"), {20, 12});
    add_layer(t, block + (old && !dino ? "output.dense" : "mlp.fc2"), {12, 20});
    if (dino) {
      add(t, block + "layer_scale1.lambda1", {12});
      add(t, block + "layer_scale2.lambda1", {12});
    }
  }
  add_layer(t, model + "layernorm", {12});
  add_layer(t, "classifier", {5, dino ? 24 : 12});
  return t;
}

inline TensorInfos torchvision_tensors(bool old) {
  TensorInfos t;
  add(t, "class_token", {1, 1, 12});
  add_layer(t, "conv_proj", {12, 3, 2, 2});
  add(t, "encoder.pos_embedding", {1, 17, 12});
  for (const std::string i : {"0.", "1."}) {
    const std::string block = "encoder.layers.encoder_layer_" + i;
    add_layer(t, block + "ln_1", {12});
    add(t, block + "self_attention.in_proj_weight", {36, 12});
    add(t, block + "self_attention.in_proj_bias", {36});
    add_layer(t, block + "self_attention.out_proj", {12, 12});
    add_layer(t, block + "ln_2", {12});
    add_layer(t, block + (old ? "mlp.linear_1" : "mlp.0"), {20, 12});
    add_layer(t, block + (old ? "mlp.linear_2" : "mlp.3"), {12, 20});
  }
  add_layer(t, "encoder.ln", {12});
  add_layer(t, old ? "heads.0" : "heads.head", {5, 12});
  return t;
}

// big_vision: its numbers of modules, and positions of the patches only.
inline TensorInfos google_tensors(const std::string& prefix, bool big_vision) {
  TensorInfos t;
  const auto dense = [&](const std::string& name, const TensorShape& kernel,
                         const TensorShape& bias) {
    add(t, prefix + name + "/kernel", kernel);
    add(t, prefix + name + "/bias", bias);
  };
  const auto norm = [&](const std::string& name) {
    add(t, prefix + name + "/scale", {12});
    add(t, prefix + name + "/bias", {12});
  };
  dense("embedding", {2, 2, 3, 12}, {12});
  add(t, prefix + "cls", {1, 1, 12});
  add(t, prefix + (big_vision ? "pos_embedding" : "Transformer/posembed_input/pos_embedding"),
      {1, big_vision ? 16 : 17, 12});
  for (const std::string i : {"0", "1"}) {
    const std::string block = "Transformer/encoderblock_" + i + "/";
    const std::string attention =
        block + "MultiHeadDotProductAttention_" + (big_vision ? "0/" : "1/");
    const std::string mlp = block + "MlpBlock_" + (big_vision ? "0/" : "3/");
    norm(block + "LayerNorm_0");
    for (const char* layer : {"query", "key", "value"})
      dense(attention + layer, {12, 3, 4}, {3, 4});
    dense(attention + "out", {3, 4, 12}, {12});
    norm(block + (big_vision ? "LayerNorm_1" : "LayerNorm_2"));
    dense(mlp + "Dense_0", {12, 20}, {20});
    dense(mlp + "Dense_1", {20, 12}, {12});
  }
  norm("Transformer/encoder_norm");
  dense("head", {12, 5}, {5});
  return t;
}

}  // namespace quantring::test
