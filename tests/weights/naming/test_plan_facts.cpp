// What a plan takes from flags, from configs and from shapes, and what it asks for.

#include <doctest/doctest.h>

#include "tests/weights/naming/plan_cases.h"

using namespace quantring;
using namespace quantring::weights;
using namespace test;

TEST_CASE("another image size resizes the positions") {
  const TensorInfos tensors = timm_tensors();
  auto hints = some_hints();
  hints.image_size = ImageSize{12, 10};
  const ConversionPlan plan = sound_plan(tensors, hints);
  CHECK(plan.architecture.image_height == 12);
  CHECK(plan.architecture.image_width == 10);
  CHECK(plan.architecture.tokens() == 31);
  CHECK(contains(found(plan, "positions resized"), "4x4 -> 6x5"));
  CHECK(cooked(plan, tensors, "embed.position")[3] == 3);  // the class token's stays
  // As many patches as the table has, by chance.
  hints.image_size = ImageSize{4, 16};
  CHECK(contains(found(sound_plan(tensors, hints), "positions resized"), "4x4 -> 2x8"));
  hints.image_size = ImageSize{9, 8};
  CHECK(contains(message_of(tensors, hints), "--image-size: 9x8"));
  hints.image_size = ImageSize{0, -2};
  CHECK(contains(message_of(tensors, hints), "--image-size"));

  ConfigFacts config;
  config.image_size = {ImageSize{10, 10}, "config.json: image_size"};
  CHECK(contains(message_of(tensors, some_hints(), config), "config.json: image_size says"));
  // Not square: only an image size tells.
  const TensorInfos oblong = timm_tensors(7);
  CHECK(contains(message_of(oblong), "--image-size HEIGHTxWIDTH"));
  hints.image_size = ImageSize{4, 6};
  CHECK(contains(found(sound_plan(oblong, hints), "positions"), "2x3"));
}

TEST_CASE("heads, eps, activation and pooling: flags before files before names") {
  const TensorInfos tensors = timm_tensors();
  ConfigFacts config;
  config.heads = {4, "config.json: num_heads"};
  config.norm_eps = {1e-4f, "config.json: eps"};
  config.activation = {Activation::gelu_tanh, "config.json: act"};
  config.pooling = {Pooling::average, "config.json: global_pool"};
  ConvertHints hints = some_hints();
  hints.heads.reset();
  hints.norm_eps.reset();
  ConversionPlan plan = sound_plan(tensors, hints, config);
  CHECK(plan.architecture.heads == 4);
  CHECK(plan.architecture.norm_eps == 1e-4f);
  CHECK(plan.architecture.activation == Activation::gelu_tanh);
  CHECK(plan.architecture.pooling == Pooling::average);
  CHECK_FALSE(plan.architecture.norm_after_pooling);
  CHECK(contains(found(plan, "pooling"), "config.json: global_pool"));
  hints = some_hints();
  hints.activation = "gelu_quick";
  hints.pooling = "class_token";
  plan = sound_plan(tensors, hints, config);
  CHECK(plan.architecture.heads == 3);
  CHECK(plan.architecture.norm_eps == 1e-5f);
  CHECK(plan.architecture.activation == Activation::gelu_quick);
  CHECK(plan.architecture.pooling == Pooling::class_token);

  hints.heads.reset();
  CHECK(contains(message_of(tensors, hints), "--heads"));
  hints.heads = 5;
  CHECK(contains(message_of(tensors, hints), "--heads: 5 heads do not divide dim 12"));
  hints = some_hints();
  hints.activation = "relu";
  CHECK(contains(message_of(tensors, hints), "--activation relu"));
  hints = some_hints();
  hints.pooling = "max";
  CHECK(contains(message_of(tensors, hints), "--pooling max"));
  hints = some_hints();
  hints.norm_eps.reset();
  CHECK(contains(message_of(hugging_face_tensors("vit.", true), hints), "--norm-eps"));
  TensorInfos clip = timm_tensors();
  add_layer(clip, "norm_pre", {12});
  CHECK(contains(message_of(clip, hints), "--norm-eps"));
  CHECK(contains(message_of(clip, hints), "--activation"));
  CHECK(contains(message_of(clip), "--activation"));

  // Two heads leave no choice.
  TensorInfos distilled = timm_tensors(18);
  add(distilled, "dist_token", {1, 1, 12});
  add_layer(distilled, "head_dist", {5, 12});
  CHECK(sound_plan(distilled, some_hints(), config).architecture.pooling ==
        Pooling::class_and_distillation);
  hints = some_hints();
  hints.pooling = "average";
  CHECK(contains(message_of(distilled, hints), "--pooling average"));
}

TEST_CASE("what neither files nor flags say is asked for at once") {
  TensorInfos clip = timm_tensors();
  add_layer(clip, "norm_pre", {12});
  const std::string all = message_of(clip, {});
  CHECK(contains(all, "6 things"));
  for (const char* flag : {"--heads N", "--norm-eps E", "--activation", "--resize SIDE",
                           "--interpolation", "--mean"}) {
    CAPTURE(flag);
    CHECK(contains(all, flag));
  }
  ConvertHints hints = some_hints();
  hints.heads.reset();
  const std::string one = message_of(timm_tensors(), hints);
  CHECK(contains(one, "--heads N"));
  CHECK(!contains(one, "\n"));
}

TEST_CASE("DINOv2 runs the size that its pictures come in, and resizes positions as transformers") {
  ConvertHints hints = some_hints();
  ConfigFacts config;
  config.crop = ImageSize{24, 24};
  config.resize_mode = {ResizeMode::squash, "preprocessor_config.json: crop_size"};
  const auto resize_of = [&](const TensorInfos& tensors) {
    const auto plan = sound_plan(tensors, hints, config);
    CHECK(plan.architecture.image_height == 24);
    const auto& resize = plan.recipes.at("embed.position").back().resample;
    REQUIRE(resize.has_value());
    return resize->how;
  };
  CHECK(resize_of(hugging_face_tensors("dinov2.", true)) == Resampling::plain);
  TensorInfos registers = hugging_face_tensors("dinov2_with_registers.", false);
  add(registers, "dinov2_with_registers.embeddings.register_tokens", {1, 4, 12});
  CHECK(resize_of(registers) == Resampling::antialiased);
  // Other models take pictures of the size that they were made for.
  CHECK(sound_plan(hugging_face_tensors("vit.", true), hints, config).architecture.image_height ==
        8);
}

TEST_CASE("a head of its own file: what it was trained on must be said, and not be DINO's") {
  ConvertHints hints = some_hints();
  hints.separate_head = true;
  CHECK(contains(message_of(timm_tensors(), hints), "--pooling average"));
  hints.pooling = "average";
  CHECK(sound_plan(timm_tensors(), hints).architecture.pooling == Pooling::average);

  TensorInfos wide = timm_tensors();
  wide["head.weight"].shape = {5, 24};
  CHECK(contains(message_of(wide), "DINO's interleaves"));
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    add(wide, std::string(block) + "ls1.gamma", {12});
    add(wide, std::string(block) + "ls2.gamma", {12});
  }
  CHECK(sound_plan(wide).architecture.pooling == Pooling::class_and_average);
}

TEST_CASE("DINOv2's own files: positions resized as its code does") {
  TensorInfos own = timm_tensors();
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    add(own, std::string(block) + "ls1.gamma", {12});
    add(own, std::string(block) + "ls2.gamma", {12});
  }
  ConvertHints hints = some_hints();
  hints.image_size = ImageSize{12, 12};
  const auto how = [&] {
    return sound_plan(own, hints).recipes.at("embed.position").back().resample->how;
  };
  CHECK(how() == Resampling::antialiased);  // timm's copy
  add(own, "mask_token", {1, 12});
  CHECK(how() == Resampling::dinov2);
  add(own, "register_tokens", {1, 4, 12});
  CHECK(how() == Resampling::antialiased);
}

TEST_CASE("heads that shapes tell") {
  ConvertHints hints = some_hints();
  hints.heads.reset();
  CHECK(sound_plan(google_tensors("", false), hints).architecture.heads == 3);
  hints.heads = 4;  // the kernels say 3
  CHECK(contains(message_of(google_tensors("", false), hints), "query/"));
  TensorInfos normed = timm_tensors();
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    add_layer(normed, std::string(block) + "attn.q_norm", {6});
    add_layer(normed, std::string(block) + "attn.k_norm", {6});
  }
  hints.heads.reset();
  const ConversionPlan plan = sound_plan(normed, hints);
  CHECK(plan.architecture.heads == 2);
  CHECK(plan.architecture.qk_norm);
}

TEST_CASE("a config of another model is refused") {
  const TensorInfos tensors = timm_tensors();
  ConfigFacts config;
  config.dim = {12, "config.json: hidden_size"};
  config.depth = {2, "config.json: num_hidden_layers"};
  config.mlp_dim = {sound_plan(tensors).architecture.mlp_dim, "config.json: intermediate_size"};
  sound_plan(tensors, some_hints(), config);
  config.mlp_dim->value = 4096;
  CHECK(contains(message_of(tensors, some_hints(), config),
                 "config.json: intermediate_size 4096, but the tensors have MLP width"));
  config.depth->value = 24;
  CHECK(contains(message_of(tensors, some_hints(), config),
                 "config.json: num_hidden_layers 24, but the tensors have depth 2: it is"));
  config.dim->value = 1024;
  CHECK(message_of(tensors, some_hints(), config) ==
        "config.json: hidden_size 1024, but the tensors have dim 12: it is another model's; give "
        "the right one with --config");
}

TEST_CASE("labels of a config count, or are left out aloud") {
  const TensorInfos tensors = timm_tensors();
  ConfigFacts config;
  config.labels = {{"a", "b", "c", "d", "e"}, "config.json: id2label"};
  ConversionPlan plan = sound_plan(tensors, some_hints(), config);
  CHECK(plan.labels.size() == 5);
  config.labels->value.pop_back();
  plan = sound_plan(tensors, some_hints(), config);
  CHECK(plan.labels.empty());
  CHECK(contains(found(plan, "labels"), "4 names for 5 classes"));
  config.labels.reset();
  config.labels_unusable = {"5 names, not numbered from 0 to 4", "config.json: id2label"};
  plan = sound_plan(tensors, some_hints(), config);
  CHECK(plan.labels.empty());
  CHECK(found(plan, "labels") ==
        "left out: 5 names, not numbered from 0 to 4 (--labels gives others) (config.json: "
        "id2label)");
}
