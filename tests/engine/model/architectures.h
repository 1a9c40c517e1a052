#pragma once
// One tiny architecture for each feature beyond a plain ViT, and some with many of them.

#include <string>
#include <vector>

#include "engine/model/architecture.h"

namespace quantring::test {

struct NamedArchitecture {
  std::string name;
  Architecture architecture;
};

inline Architecture plain_architecture() {
  Architecture a;
  a.image_height = a.image_width = 12;
  a.patch_height = a.patch_width = 4;
  a.channels = 3;
  a.dim = 24;
  a.depth = 3;
  a.heads = 3;
  a.mlp_dim = 40;
  a.classes = 7;
  return a;
}

inline std::vector<NamedArchitecture> all_architectures() {
  std::vector<NamedArchitecture> list;
  const auto add = [&](const std::string& name, const auto& change) {
    list.push_back({name, plain_architecture()});
    change(list.back().architecture);
  };
  const auto without_class_token = [](Architecture& a) {
    a.has_class_token = false;
    a.pooling = Pooling::average;
  };
  const auto distilled = [](Architecture& a) {
    a.has_distillation_token = true;
    a.pooling = Pooling::class_and_distillation;
  };
  add("plain", [](Architecture&) {});
  add("distilled", distilled);
  add("distillation token, class token's head only",
      [](Architecture& a) { a.has_distillation_token = true; });
  add("registers", [](Architecture& a) { a.registers = 4; });
  add("embedding norm", [](Architecture& a) { a.embed_norm = true; });
  add("qk-norm", [](Architecture& a) { a.qk_norm = true; });
  add("LayerScale", [](Architecture& a) { a.layer_scale = true; });
  add("average", [](Architecture& a) { a.pooling = Pooling::average; });
  add("average, no class token", without_class_token);
  add("average, norm after", [](Architecture& a) {
    a.pooling = Pooling::average;
    a.norm_after_pooling = true;
  });
  add("average, no class token, norm after, registers", [&](Architecture& a) {
    without_class_token(a);
    a.norm_after_pooling = true;
    a.registers = 2;
  });
  add("class and average", [](Architecture& a) { a.pooling = Pooling::class_and_average; });
  add("tanh GELU", [](Architecture& a) { a.activation = Activation::gelu_tanh; });
  add("quick GELU", [](Architecture& a) { a.activation = Activation::gelu_quick; });
  add("wide image, wide patches, grey, another epsilon", [](Architecture& a) {
    a.image_height = 6;
    a.image_width = 20;
    a.patch_height = 3;
    a.patch_width = 5;
    a.channels = 1;
    a.norm_eps = 1e-2f;
  });
  const auto everything = [](Architecture& a) {
    a.image_width = 20;
    a.registers = 2;
    a.embed_norm = a.qk_norm = a.layer_scale = true;
    a.activation = Activation::gelu_quick;
    a.norm_eps = 1e-5f;
  };
  add("everything, distilled", [&](Architecture& a) {
    everything(a);
    distilled(a);
  });
  add("everything, class and average", [&](Architecture& a) {
    everything(a);
    a.has_distillation_token = true;
    a.pooling = Pooling::class_and_average;
  });
  return list;
}

}  // namespace quantring::test
