// The roles of the tensors in each naming, and the errors.

#include <doctest/doctest.h>

#include "tests/support/texts.h"
#include "tests/weights/formats/named_tensors.h"
#include "weights_tools/naming/naming.h"

using namespace quantring;
using namespace quantring::weights;
using namespace quantring::test;

namespace {

std::string naming_error(const TensorInfos& tensors, const ConfigFacts& config = {}) {
  return error_of([&] { read_names(tensors, config); });
}

std::string tensor_of(const Naming& naming, const std::string& role) {
  CAPTURE(role);
  REQUIRE(naming.roles.count(role) == 1);
  return naming.roles.at(role).tensor;
}

// The error for a timm checkpoint with one additional tensor.
std::string error_with(const std::string& name) {
  TensorInfos tensors = timm_tensors();
  add(tensors, name, {12});
  return naming_error(tensors);
}

}  // namespace

TEST_CASE("timm's names") {
  TensorInfos tensors = timm_tensors();
  const Naming plain = read_names(tensors, {});
  CHECK(plain.framework == "timm");
  CHECK(tensor_of(plain, "patch.bias") == "patch_embed.proj.bias");
  CHECK(tensor_of(plain, "blocks.1.attn.qkv.weight") == "blocks.1.attn.qkv.weight");
  CHECK(tensor_of(plain, "position") == "pos_embed");
  CHECK(plain.roles.size() == tensors.size());
  CHECK(plain.norm_eps->value == 1e-6f);
  CHECK(plain.activation->value == Activation::gelu_erf);
  CHECK(plain.pooling->value == Pooling::class_token);

  for (const char* name : {"dist_token", "reg_token"}) add(tensors, name, {1, 1, 12});
  for (const std::string block : {"blocks.0.", "blocks.1."}) {
    add(tensors, block + "ls1.gamma", {12});
    add(tensors, block + "gamma_2", {12});  // DeiT III's own name
    add_layer(tensors, block + "attn.q_norm", {4});
    add_layer(tensors, block + "attn.k_norm", {4});
  }
  add_layer(tensors, "norm_pre", {12});
  add_layer(tensors, "head_dist", {5, 12});
  const Naming rich = read_names(tensors, {});
  CHECK(tensor_of(rich, "token.distillation") == "dist_token");
  CHECK(tensor_of(rich, "token.registers") == "reg_token");
  CHECK(tensor_of(rich, "blocks.1.scale1") == "blocks.1.ls1.gamma");
  CHECK(tensor_of(rich, "blocks.1.scale2") == "blocks.1.gamma_2");
  CHECK(tensor_of(rich, "embed.norm.bias") == "norm_pre.bias");
  CHECK(tensor_of(rich, "blocks.0.attn.k_norm.weight") == "blocks.0.attn.k_norm.weight");
  CHECK(rich.pooling->value == Pooling::class_and_distillation);
  // A norm before the blocks means CLIP, whose eps and activation are not in the file.
  CHECK_FALSE(rich.norm_eps);
  CHECK_FALSE(rich.activation);
}

TEST_CASE("timm's pooling follows from the tensors") {
  TensorInfos tensors = timm_tensors();
  tensors["fc_norm.weight"] = tensors["norm.weight"];
  tensors["fc_norm.bias"] = tensors["norm.bias"];
  tensors.erase("norm.weight");
  tensors.erase("norm.bias");
  const Naming pooled = read_names(tensors, {});
  CHECK(pooled.pooling->value == Pooling::average);
  CHECK(tensor_of(pooled, "pooled_norm.weight") == "fc_norm.weight");
  tensors = timm_tensors(16);
  tensors.erase("cls_token");
  CHECK(read_names(tensors, {}).pooling->value == Pooling::average);
}

TEST_CASE("Hugging Face's names, of the hub and of transformers 5") {
  for (const std::string model : {"vit.", "deit.", ""}) {
    for (const bool old : {true, false}) {
      CAPTURE(model);
      CAPTURE(old);
      const TensorInfos tensors = hugging_face_tensors(model, old);
      const Naming naming = read_names(tensors, {});
      CHECK(naming.roles.size() == tensors.size());
      const std::string block = model + (old ? "encoder.layer.1." : "layers.1.");
      CHECK(tensor_of(naming, "blocks.1.attn.q.bias") ==
            block + (old ? "attention.attention.query.bias" : "attention.q_proj.bias"));
      CHECK(tensor_of(naming, "blocks.1.attn.proj.weight") ==
            block + (old ? "attention.output.dense.weight" : "attention.o_proj.weight"));
      CHECK(tensor_of(naming, "blocks.1.norm2.weight") == block + "layernorm_after.weight");
      CHECK(tensor_of(naming, "blocks.1.mlp.fc2.weight") ==
            block + (old ? "output.dense.weight" : "mlp.fc2.weight"));
      CHECK(naming.pooling->value == Pooling::class_token);
      CHECK_FALSE(naming.norm_eps);  // ViT's 1e-12 and DINOv2's 1e-6 are only in config.json
      CHECK_FALSE(naming.heads);
    }
  }
}

TEST_CASE("Hugging Face's DeiT with teacher, DINOv2, and tensors for training only") {
  TensorInfos deit = hugging_face_tensors("deit.", true);
  deit["cls_classifier.weight"] = deit["classifier.weight"];
  deit["cls_classifier.bias"] = deit["classifier.bias"];
  deit.erase("classifier.weight");
  deit.erase("classifier.bias");
  add_layer(deit, "distillation_classifier", {5, 12});
  add(deit, "deit.embeddings.mask_token", {1, 1, 12});
  add_layer(deit, "deit.pooler.dense", {12, 12});
  const Naming teacher = read_names(deit, {});
  CHECK(teacher.pooling->value == Pooling::class_and_distillation);
  CHECK(tensor_of(teacher, "head_distillation.bias") == "distillation_classifier.bias");
  CHECK(teacher.unused.size() == 2);

  for (const bool old : {true, false}) {
    TensorInfos dino = hugging_face_tensors("dinov2_with_registers.", old);
    add(dino, "dinov2_with_registers.embeddings.register_tokens", {1, 4, 12});
    const Naming naming = read_names(dino, {});
    CHECK(naming.framework == "Hugging Face DINOv2 with registers");
    CHECK(naming.pooling->value == Pooling::class_and_average);
    CHECK(naming.positioned_prefix == 1);
    CHECK(tensor_of(naming, "blocks.0.scale2") ==
          "dinov2_with_registers.encoder.layer.0.layer_scale2.lambda1");
  }
}

TEST_CASE("torchvision's names, old and new") {
  for (const bool old : {true, false}) {
    const TensorInfos tensors = torchvision_tensors(old);
    const Naming naming = read_names(tensors, {});
    CHECK(naming.framework == "torchvision");
    CHECK(naming.roles.size() == tensors.size());
    CHECK(tensor_of(naming, "blocks.1.attn.qkv.bias") ==
          "encoder.layers.encoder_layer_1.self_attention.in_proj_bias");
    CHECK(naming.norm_eps->value == 1e-6f);
    CHECK_FALSE(naming.heads);  // of 12 columns
  }
  // The heads of vit_b_16 follow from its width, depth and MLP together.
  TensorInfos base = torchvision_tensors(false);
  const std::string fc1 = "encoder.layers.encoder_layer_0.mlp.0.weight";
  base[fc1].shape = {3072, 768};
  CHECK_FALSE(read_names(base, {}).heads);
  for (int i = 2; i < 12; ++i) {
    add_layer(base, "encoder.layers.encoder_layer_" + std::to_string(i) + ".ln_1", {768});
  }
  REQUIRE(read_names(base, {}).heads);
  CHECK(read_names(base, {}).heads->value == 12);
  base[fc1].shape = {1024, 768};
  CHECK_FALSE(read_names(base, {}).heads);
}

TEST_CASE("Google's names, in the layouts of Flax") {
  for (const std::string prefix : {"", "params/", "opt/target/"}) {
    for (const bool big_vision : {false, true}) {
      CAPTURE(prefix);
      CAPTURE(big_vision);
      TensorInfos tensors = google_tensors(prefix, big_vision);
      const std::size_t count = tensors.size();
      if (!prefix.empty()) add(tensors, "opt/state/step", {1});
      const Naming naming = read_names(tensors, {});
      CHECK(naming.framework == "Google (Flax)");
      CHECK(naming.roles.size() == count);
      CHECK(naming.roles.at("patch.weight").layout == Part::Layout::hwio);
      CHECK(naming.roles.at("blocks.1.attn.k.weight").layout == Part::Layout::transposed);
      CHECK(naming.roles.at("blocks.1.attn.k.bias").layout == Part::Layout::rows);
      CHECK(naming.heads->value == 3);
      CHECK(naming.unused.size() == (prefix.empty() ? 0 : 1));
    }
  }
}

TEST_CASE("the prefix of a wrapper is removed, with a note") {
  TensorInfos wrapped;
  for (const auto& [name, info] : timm_tensors()) wrapped["_orig_mod.module." + name] = info;
  add(wrapped, "n_averaged", {});
  const Naming naming = read_names(wrapped, {});
  CHECK(tensor_of(naming, "head.weight") == "_orig_mod.module.head.weight");
  REQUIRE(naming.notes.size() == 1);
  CHECK(contains(naming.notes[0].value, "_orig_mod.module."));
  // Others beside the model are left out, with a note.
  add(wrapped, "unknown", {1});
  CHECK(read_names(wrapped, {}).unused.size() == 2);
}

TEST_CASE("errors name the unsupported parts of a model") {
  const std::pair<const char*, const char*> parts[] = {
      {"blocks.0.attn.rel_pos_h", "relative positions"},
      {"blocks.0.attn.relative_position_bias_table", "relative positions"},
      {"blocks.0.attn.q_bias", "BEiT"},
      {"rope.freqs", "RoPE"},
      {"blocks.0.mlp.fc1_g.weight", "SwiGLU"},
      {"blocks.0.mlp.w12.weight", "SwiGLU"},
      {"blocks.0.mlp.norm.weight", "norm inside the MLP"},
      {"blocks.0.attn.norm.weight", "norm inside the attention"},
      {"blocks.0.attn.gate.weight", "gated attention"},
      {"blocks.0.attn.lambda_q1", "differential attention"},
      {"blocks.0.attns.0.attn.qkv.weight", "parallel"},
      {"blocks.0.in_proj.weight", "parallel"},
      {"attn_pool.latent", "attention pooling"},
      {"patch_embed.backbone.stem.conv.weight", "hybrid"},
      {"patch_embed.norm.weight", "patch embedding"},
      {"patch_embed.proj.0.weight", "convolutional stem"},
      {"pre_logits.fc.weight", "pre_logits"}};
  for (const auto& entry : parts) {
    const std::string name = entry.first, part = entry.second;
    CAPTURE(name);
    const std::string message = error_with(name);
    CHECK(contains(message, part));
    CHECK(contains(message, name));
    CHECK(contains(message, "cannot run"));
  }
  CHECK(contains(error_with("unknown"), "'unknown'"));
  CHECK(contains(error_with("blocks.01.norm1.weight"), "blocks.01.norm1.weight"));

  TensorInfos dino = hugging_face_tensors("dinov2.", true);
  add(dino, "dinov2.encoder.layer.0.mlp.weights_in.weight", {1});
  CHECK(contains(naming_error(dino), "SwiGLU"));
  for (const char* name : {"pre_logits/kernel", "MAPHead_0/probe", "conv_root/kernel",
                           "Transformer/encoderblock/LayerNorm_0/scale"}) {
    CAPTURE(name);
    TensorInfos google = google_tensors("", false);
    add(google, name, {1});
    CHECK(contains(naming_error(google), name));
  }
  TensorInfos torchvision = torchvision_tensors(false);
  add(torchvision, "heads.pre_logits.weight", {12, 12});
  CHECK(contains(naming_error(torchvision), "representation_size"));
}

TEST_CASE("checkpoints without a classifier, and of other models") {
  for (TensorInfos tensors : {timm_tensors(), hugging_face_tensors("vit.", true),
                              torchvision_tensors(false), google_tensors("", false)}) {
    for (auto it = tensors.begin(); it != tensors.end();) {
      const bool head = it->first.rfind("head", 0) == 0 || it->first.rfind("classifier", 0) == 0;
      it = head ? tensors.erase(it) : std::next(it);
    }
    CHECK(contains(naming_error(tensors), "no classifier"));
  }
  const std::pair<const char*, const char*> others[] = {
      {"MixerBlock_0/token_mixing/Dense_0/kernel", "Mixer"},
      {"visual.conv1.weight", "CLIP"},
      {"vision_model.embeddings.class_embedding", "SigLIP"},
      {"layers.0.blocks.0.attn.relative_position_bias_table", "Swin"},
      {"layer1.0.conv1.weight", "ResNet"},
      {"linear_head.weight", "DINOv2"},
      {"lm_head.weight", "language model"}};
  for (const auto& entry : others) {
    const std::string name = entry.first;
    CAPTURE(name);
    TensorInfos tensors;
    add(tensors, name, {1});
    CHECK(contains(naming_error(tensors), entry.second));
  }
  TensorInfos unknown;
  for (const char* name : {"d", "a", "c", "b"}) add(unknown, name, {1});
  CHECK(contains(naming_error(unknown), "the first are 'a', 'b', 'c'"));
  CHECK(contains(naming_error({}), "none"));
}
