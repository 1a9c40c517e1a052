// A ViT inside a larger file, and classifiers of people's own.

#include <doctest/doctest.h>

#include "tests/support/texts.h"
#include "tests/weights/formats/named_tensors.h"
#include "weights_tools/naming/naming.h"

using namespace quantring;
using namespace quantring::weights;
using namespace quantring::test;

namespace {

std::string naming_error(const TensorInfos& tensors) {
  return error_of([&] { read_names(tensors, {}); });
}

TensorInfos without_head(TensorInfos tensors) {
  for (const char* const name : {"head.weight", "head.bias", "classifier.weight", "classifier.bias",
                                 "heads.head.weight", "heads.head.bias"})
    tensors.erase(name);
  return tensors;
}

TensorInfos with_prefix(const std::string& prefix, const TensorInfos& tensors) {
  TensorInfos named;
  for (const auto& [name, info] : tensors) named[prefix + name] = info;
  return named;
}

std::string head_of(const TensorInfos& tensors) {
  std::string head;
  CHECK(error_of([&] { head = read_names(tensors, {}).roles.at("head.weight").tensor; }) ==
        no_error);
  return head;
}

std::string all_left_out(const TensorInfos& tensors) {
  std::string text;
  for (const Finding& finding : read_names(tensors, {}).unused) text += finding.value + "\n";
  return text;
}

}  // namespace

TEST_CASE("one linear layer of any name is the classifier") {
  for (const char* const name : {"head.1", "classifier.1", "fc", "head.fc", "mlp_head.0", "linear",
                                 "my_own.layer", "heads.1"}) {
    CAPTURE(name);
    for (const TensorInfos& features :
         {without_head(timm_tensors()), without_head(torchvision_tensors(false)),
          without_head(hugging_face_tensors("vit.", true))}) {
      TensorInfos tensors = features;
      add_layer(tensors, name, {7, 12});
      CHECK(head_of(tensors) == std::string(name) + ".weight");
      CHECK(read_names(tensors, {}).roles.at("head.bias").tensor == std::string(name) + ".bias");
      tensors.erase(std::string(name) + ".bias");
      CHECK(head_of(tensors) == std::string(name) + ".weight");
    }
  }
}

TEST_CASE("a ViT is found behind any prefix, with its classifier inside or outside") {
  for (const char* const prefix : {"net.", "encoder.", "vit.", "backbone.", "model.backbone.",
                                   "model.module.vit.", "0.", "_orig_mod.net.", "net._orig_mod."}) {
    CAPTURE(prefix);
    const std::string whole = prefix;
    for (const TensorInfos& bare :
         {timm_tensors(), torchvision_tensors(false), hugging_face_tensors("", true),
          hugging_face_tensors("vit.", true)}) {
      const Naming plain = read_names(bare, {});
      const Naming wrapped = read_names(with_prefix(whole, bare), {});
      CHECK(wrapped.roles.size() == plain.roles.size());
      for (const auto& [role, source] : plain.roles)
        CHECK(wrapped.roles.at(role).tensor == whole + source.tensor);
      TensorInfos outside = with_prefix(whole, without_head(bare));
      add_layer(outside, "classifier.1", {7, 12});
      CHECK(head_of(outside) == "classifier.1.weight");
    }
  }
  // Wrappers within names.
  TensorInfos sharded;
  for (const auto& [name, info] : timm_tensors()) {
    const bool block = name.rfind("blocks.1.", 0) == 0;
    sharded[block ? "blocks.1._fsdp_wrapped_module." + name.substr(9) : name] = info;
  }
  CHECK(read_names(sharded, {}).roles.at("blocks.1.mlp.fc1.bias").tensor ==
        "blocks.1._fsdp_wrapped_module.mlp.fc1.bias");
}

TEST_CASE("what is beside the ViT is left out and listed") {
  TensorInfos tensors = with_prefix("model.", timm_tensors());
  add(tensors, "criterion.weight", {5});
  add(tensors, "loss_fn.ce.weight", {5});
  add(tensors, "train_acc.tp", {});
  add(tensors, "val_metrics.f1.tp", {5});
  add(tensors, "ema.decay", {});
  add(tensors, "model.decoder_blocks.0.norm1.weight", {12});
  add_layer(tensors, "model.projector.0", {12, 12});
  add_layer(tensors, "aux_head", {3, 12});
  const std::string text = all_left_out(tensors);
  for (const char* const name :
       {"criterion.weight", "loss_fn.ce.weight", "train_acc.tp", "val_metrics.f1.tp", "ema.decay",
        "decoder_blocks.0", "projector", "aux_head"}) {
    CAPTURE(name);
    CHECK(contains(text, name));
  }
  CHECK(head_of(tensors) == "model.head.weight");
  // A backbone's own classifier behind which there is another one.
  TensorInfos both = with_prefix("backbone.", timm_tensors());
  add_layer(both, "fc", {3, 12});
  CHECK(head_of(both) == "fc.weight");
  CHECK(contains(all_left_out(both), "backbone.head"));
}

TEST_CASE("classifiers that are no linear layer are refused by their tensors") {
  TensorInfos mlp = without_head(timm_tensors());
  add_layer(mlp, "head.0", {20, 12});
  add_layer(mlp, "head.3", {5, 20});
  for (const char* const name : {"'head.0.weight' [20, 12]", "'head.3.weight' [5, 20]"})
    CHECK(contains(naming_error(mlp), name));
  TensorInfos modules = with_prefix("vit.", without_head(timm_tensors()));
  add_layer(modules, "fc1", {20, 12});
  add_layer(modules, "fc2", {5, 20});
  CHECK(contains(naming_error(modules), "'fc2.weight' [5, 20]"));
  TensorInfos normed = without_head(timm_tensors());
  add_layer(normed, "head.0", {12});
  add_layer(normed, "head.1", {5, 12});
  CHECK(contains(naming_error(normed), "'head.0.weight' [12]"));
  TensorInfos behind = with_prefix("backbone.", timm_tensors());
  add_layer(behind, "fc", {3, 5});  // takes the backbone's logits
  CHECK(contains(naming_error(behind), "'fc.weight' [3, 5]"));
  TensorInfos wide = with_prefix("backbone.", without_head(timm_tensors()));
  add_layer(wide, "fc", {3, 40});
  CHECK(contains(naming_error(wide), "takes 40 values"));
  TensorInfos neck = with_prefix("backbone.", without_head(timm_tensors()));
  add_layer(neck, "neck", {12, 12});
  add_layer(neck, "fc", {3, 12});
  CHECK(contains(naming_error(neck), "'neck."));
  TensorInfos norm = with_prefix("backbone.", without_head(timm_tensors()));
  add_layer(norm, "bn", {12});
  add_layer(norm, "fc", {3, 12});
  CHECK(contains(naming_error(norm), "'bn.bias'"));
  TensorInfos two = without_head(timm_tensors());
  add_layer(two, "colour", {3, 12});
  add_layer(two, "shape", {4, 12});
  CHECK(contains(naming_error(two), "which of these"));
}

TEST_CASE("adapters and several ViTs in one file have their own errors") {
  TensorInfos lora = with_prefix("base_model.model.", hugging_face_tensors("vit.", true));
  add(lora, "base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.default.weight",
      {4, 12});
  CHECK(contains(naming_error(lora), "merge_and_unload()"));
  TensorInfos adapter;
  add(adapter, "base_model.model.vit.encoder.layer.0.attention.attention.query.lora_B.weight",
      {12, 4});
  CHECK(contains(naming_error(adapter), "merge_and_unload()"));

  TensorInfos two = with_prefix("student.", timm_tensors());
  two.merge(with_prefix("teacher.", timm_tensors()));
  CHECK(contains(naming_error(two), "'student....', 'teacher....'"));
  // Only one of them can classify.
  TensorInfos one = with_prefix("student.", timm_tensors());
  one.merge(with_prefix("teacher.", without_head(timm_tensors())));
  CHECK(head_of(one) == "student.head.weight");
}

TEST_CASE("I-JEPA's encoder has no class token: its patches are averaged") {
  TensorInfos tensors = hugging_face_tensors("ijepa.", true);
  tensors.erase("ijepa.embeddings.cls_token");
  tensors["ijepa.embeddings.position_embeddings"].shape = {1, 16, 12};
  const Naming naming = read_names(tensors, {});
  CHECK(naming.pooling->value == Pooling::average);
  CHECK(naming.positioned_prefix == 0);
}

TEST_CASE("SigLIP's tower with transformers' classifier") {
  TensorInfos tensors;
  const std::string tower = "vision_model.";
  add_layer(tensors, tower + "embeddings.patch_embedding", {12, 3, 2, 2});
  add(tensors, tower + "embeddings.position_embedding.weight", {16, 12});
  for (const std::string block : {"encoder.layers.0.", "encoder.layers.1."}) {
    for (const char* const norm : {"layer_norm1", "layer_norm2"})
      add_layer(tensors, tower + block + norm, {12});
    for (const char* const layer : {"q_proj", "k_proj", "v_proj", "out_proj"})
      add_layer(tensors, tower + block + "self_attn." + layer, {12, 12});
    add_layer(tensors, tower + block + "mlp.fc1", {20, 12});
    add_layer(tensors, tower + block + "mlp.fc2", {12, 20});
  }
  add_layer(tensors, tower + "post_layernorm", {12});
  add(tensors, tower + "head.probe", {1, 1, 12});
  add_layer(tensors, tower + "head.mlp.fc1", {20, 12});
  add_layer(tensors, "classifier", {5, 12});
  const Naming naming = read_names(tensors, {});
  CHECK(naming.framework == "Hugging Face SigLIP");
  CHECK(naming.pooling->value == Pooling::average);
  CHECK(naming.roles.at("head.weight").tensor == "classifier.weight");
  CHECK(naming.roles.at("blocks.1.attn.proj.bias").tensor ==
        "vision_model.encoder.layers.1.self_attn.out_proj.bias");
  CHECK(contains(all_left_out(tensors), "head.mlp"));
  add(tensors, tower + "embeddings.class_embedding", {12});
  CHECK(contains(naming_error(tensors), "CLIP"));
}
