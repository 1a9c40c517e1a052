// Facts from flags, configs and shapes, and the errors for missing ones.

#include <doctest/doctest.h>

#include "tests/weights/plan/plan_cases.h"

using namespace quantring;
using namespace quantring::weights;
using namespace quantring::test;

TEST_CASE("another image size resizes the positions") {
  const TensorInfos tensors = timm_tensors();
  auto hints = some_hints();
  hints.image_size = ImageSize{12, 10};
  const ConversionPlan plan = checked_plan(tensors, hints);
  CHECK(plan.architecture.image_height == 12);
  CHECK(plan.architecture.image_width == 10);
  CHECK(plan.architecture.tokens() == 31);
  CHECK(contains(found(plan, "positions resized"), "4x4 -> 6x5"));
  CHECK(assembled(plan, tensors, "embed.position")[3] ==
        3);  // the class token's row is not resampled
  // As many patches as the table has, by coincidence.
  hints.image_size = ImageSize{4, 16};
  CHECK(contains(found(checked_plan(tensors, hints), "positions resized"), "4x4 -> 2x8"));
  hints.image_size = ImageSize{9, 8};
  CHECK(contains(plan_error(tensors, hints), "--image-size: 9x8"));
  hints.image_size = ImageSize{0, -2};
  CHECK(contains(plan_error(tensors, hints), "--image-size"));

  ConfigFacts config;
  config.image_size = {ImageSize{10, 10}, "config.json: image_size"};
  CHECK(contains(plan_error(tensors, some_hints(), config), "config.json: image_size gives"));
  // Not square: an image size is needed.
  const TensorInfos oblong = timm_tensors(7);
  CHECK(contains(plan_error(oblong), "--image-size HEIGHTxWIDTH"));
  hints.image_size = ImageSize{4, 6};
  CHECK(contains(found(checked_plan(oblong, hints), "positions"), "2x3"));
}

TEST_CASE("heads, eps, activation and pooling: flags override files, files override names") {
  const TensorInfos tensors = timm_tensors();
  ConfigFacts config;
  config.heads = {4, "config.json: num_heads"};
  config.norm_eps = {1e-4f, "config.json: eps"};
  config.activation = {Activation::gelu_tanh, "config.json: act"};
  config.pooling = {Pooling::average, "config.json: global_pool"};
  ConvertHints hints = some_hints();
  hints.heads.reset();
  hints.norm_eps.reset();
  ConversionPlan plan = checked_plan(tensors, hints, config);
  CHECK(plan.architecture.heads == 4);
  CHECK(plan.architecture.norm_eps == 1e-4f);
  CHECK(plan.architecture.activation == Activation::gelu_tanh);
  CHECK(plan.architecture.pooling == Pooling::average);
  CHECK_FALSE(plan.architecture.norm_after_pooling);
  CHECK(contains(found(plan, "pooling"), "config.json: global_pool"));
  hints = some_hints();
  hints.activation = "gelu_quick";
  hints.pooling = "class_token";
  plan = checked_plan(tensors, hints, config);
  CHECK(plan.architecture.heads == 3);
  CHECK(plan.architecture.norm_eps == 1e-5f);
  CHECK(plan.architecture.activation == Activation::gelu_quick);
  CHECK(plan.architecture.pooling == Pooling::class_token);

  hints.heads.reset();
  CHECK(contains(plan_error(tensors, hints), "--heads"));
  hints.heads = 5;
  CHECK(contains(plan_error(tensors, hints), "--heads: 5 heads do not divide dim 12"));
  hints = some_hints();
  hints.activation = "relu";
  CHECK(contains(plan_error(tensors, hints), "--activation relu"));
  hints = some_hints();
  hints.pooling = "max";
  CHECK(contains(plan_error(tensors, hints), "--pooling max"));
  hints = some_hints();
  hints.norm_eps.reset();
  CHECK(contains(plan_error(hugging_face_tensors("vit.", true), hints), "--norm-eps"));
  TensorInfos clip = timm_tensors();
  add_layer(clip, "norm_pre", {12});
  CHECK(contains(plan_error(clip, hints), "--norm-eps"));
  CHECK(contains(plan_error(clip, hints), "--activation"));
  CHECK(contains(plan_error(clip), "--activation"));

  // Two heads have a fixed pooling.
  TensorInfos distilled = timm_tensors(18);
  add(distilled, "dist_token", {1, 1, 12});
  add_layer(distilled, "head_dist", {5, 12});
  CHECK(checked_plan(distilled, some_hints(), config).architecture.pooling ==
        Pooling::class_and_distillation);
  hints = some_hints();
  hints.pooling = "average";
  CHECK(contains(plan_error(distilled, hints), "--pooling average"));
}

TEST_CASE("missing and invalid flags are errors of the options, invalid files are not") {
  ConvertHints hints = some_hints();
  hints.heads.reset();
  CHECK_THROWS_AS(plan_conversion(timm_tensors(), {}, hints), OptionError);
  hints.heads = 5;
  CHECK_THROWS_AS(plan_conversion(timm_tensors(), {}, hints), OptionError);
  hints = some_hints();
  hints.image_size = ImageSize{9, 8};
  CHECK_THROWS_AS(plan_conversion(timm_tensors(), {}, hints), OptionError);
  hints = some_hints();
  hints.interpolation = "bicubic";  // nothing is resized
  CHECK_THROWS_AS(plan_conversion(timm_tensors(), {}, hints), OptionError);
  const auto is_option_error = [](const TensorInfos& tensors, const ConfigFacts& config) {
    try {
      plan_conversion(tensors, config, some_hints());
    } catch (const OptionError&) {
      return true;
    } catch (const Error&) {
      return false;
    }
    FAIL("no error");
    return false;
  };
  TensorInfos incomplete = timm_tensors();
  incomplete.erase("blocks.1.norm2.weight");
  CHECK_FALSE(is_option_error(incomplete, {}));
  ConfigFacts config;
  config.dim = {1024, "config.json: hidden_size"};
  CHECK_FALSE(is_option_error(timm_tensors(), config));
}

TEST_CASE("one error lists all missing facts") {
  TensorInfos clip = timm_tensors();
  add_layer(clip, "norm_pre", {12});
  const std::string all = plan_error(clip, {});
  CHECK(contains(all, "6 facts"));
  for (const char* flag : {"--heads N", "--norm-eps E", "--activation", "--resize SIDE",
                           "--interpolation", "--mean"}) {
    CAPTURE(flag);
    CHECK(contains(all, flag));
  }
  ConvertHints hints = some_hints();
  hints.heads.reset();
  const std::string one = plan_error(timm_tensors(), hints);
  CHECK(contains(one, "--heads N"));
  CHECK(!contains(one, "\n"));
}

TEST_CASE(
    "DINOv2: the image size is that of the processor, positions are resampled as in transformers") {
  ConvertHints hints = some_hints();
  ConfigFacts config;
  config.crop = ImageSize{24, 24};
  config.resize_mode = {ResizeMode::squash, "preprocessor_config.json: crop_size"};
  const auto resize_of = [&](const TensorInfos& tensors) {
    const auto plan = checked_plan(tensors, hints, config);
    CHECK(plan.architecture.image_height == 24);
    const auto& resize = plan.recipes.at("embed.position").back().resample;
    REQUIRE(resize.has_value());
    return resize->how;
  };
  CHECK(resize_of(hugging_face_tensors("dinov2.", true)) == Resampling::plain);
  TensorInfos registers = hugging_face_tensors("dinov2_with_registers.", false);
  add(registers, "dinov2_with_registers.embeddings.register_tokens", {1, 4, 12});
  CHECK(resize_of(registers) == Resampling::antialiased);
  // Other models have a fixed image size.
  CHECK(checked_plan(hugging_face_tensors("vit.", true), hints, config).architecture.image_height ==
        8);
}

TEST_CASE("a separate head needs a pooling, and must not be DINO's") {
  ConvertHints hints = some_hints();
  hints.separate_head = true;
  CHECK(contains(plan_error(timm_tensors(), hints), "--pooling average"));
  hints.pooling = "average";
  CHECK(checked_plan(timm_tensors(), hints).architecture.pooling == Pooling::average);

  TensorInfos wide = timm_tensors();
  wide["head.weight"].shape = {5, 24};
  CHECK(contains(plan_error(wide), "DINO's classifier interleaves"));
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    add(wide, std::string(block) + "ls1.gamma", {12});
    add(wide, std::string(block) + "ls2.gamma", {12});
  }
  CHECK(checked_plan(wide).architecture.pooling == Pooling::class_and_average);
}

TEST_CASE("original files of DINOv2: positions are resampled as in its code") {
  TensorInfos own = timm_tensors();
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    add(own, std::string(block) + "ls1.gamma", {12});
    add(own, std::string(block) + "ls2.gamma", {12});
  }
  ConvertHints hints = some_hints();
  hints.image_size = ImageSize{12, 12};
  const auto how = [&] {
    return checked_plan(own, hints).recipes.at("embed.position").back().resample->how;
  };
  CHECK(how() == Resampling::antialiased);  // timm's copy
  add(own, "mask_token", {1, 12});
  CHECK(how() == Resampling::dinov2);
  add(own, "register_tokens", {1, 4, 12});
  CHECK(how() == Resampling::antialiased);
}

TEST_CASE("heads from shapes") {
  ConvertHints hints = some_hints();
  hints.heads.reset();
  CHECK(checked_plan(google_tensors("", false), hints).architecture.heads == 3);
  hints.heads = 4;  // the kernels have 3
  CHECK(contains(plan_error(google_tensors("", false), hints), "query/"));
  TensorInfos normed = timm_tensors();
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    add_layer(normed, std::string(block) + "attn.q_norm", {6});
    add_layer(normed, std::string(block) + "attn.k_norm", {6});
  }
  hints.heads.reset();
  const ConversionPlan plan = checked_plan(normed, hints);
  CHECK(plan.architecture.heads == 2);
  CHECK(plan.architecture.qk_norm);
}

TEST_CASE("the config of another model is an error") {
  const TensorInfos tensors = timm_tensors();
  ConfigFacts config;
  config.dim = {12, "config.json: hidden_size"};
  config.depth = {2, "config.json: num_hidden_layers"};
  config.mlp_dim = {checked_plan(tensors).architecture.mlp_dim, "config.json: intermediate_size"};
  checked_plan(tensors, some_hints(), config);
  config.mlp_dim->value = 4096;
  CHECK(contains(plan_error(tensors, some_hints(), config),
                 "config.json: intermediate_size 4096, but the tensors have MLP width"));
  config.depth->value = 24;
  CHECK(contains(plan_error(tensors, some_hints(), config),
                 "config.json: num_hidden_layers 24, but the tensors have depth 2: the config is"));
  config.dim->value = 1024;
  CHECK(
      plan_error(tensors, some_hints(), config) ==
      "config.json: hidden_size 1024, but the tensors have dim 12: the config is another model's; "
      "name the right one with --config");
}

TEST_CASE("labels of a config are used, or left out with a finding") {
  const TensorInfos tensors = timm_tensors();
  ConfigFacts config;
  config.labels = {{"a", "b", "c", "d", "e"}, "config.json: id2label"};
  ConversionPlan plan = checked_plan(tensors, some_hints(), config);
  CHECK(plan.labels.size() == 5);
  config.labels->value.pop_back();
  plan = checked_plan(tensors, some_hints(), config);
  CHECK(plan.labels.empty());
  CHECK(contains(found(plan, "labels"), "4 names for 5 classes"));
  config.labels.reset();
  config.numbered_labels = {{{1, "a"}, {2, "b"}, {4, "d"}}, "config.json: id2label"};
  plan = checked_plan(tensors, some_hints(), config);
  CHECK(plan.labels == std::vector<std::string>{"class 0", "a", "b", "class 3", "d"});
  config.numbered_labels->value = {{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}, {5, "e"}};
  plan = checked_plan(tensors, some_hints(), config);
  CHECK(plan.labels == std::vector<std::string>{"a", "b", "c", "d", "e"});
  CHECK(contains(found(plan, "labels"), "numbered 1 to 5"));
  config.numbered_labels->value = {{1, "a"}, {7, "b"}};
  plan = checked_plan(tensors, some_hints(), config);
  CHECK(plan.labels.empty());
  CHECK(contains(found(plan, "labels"), "left out: 2 names, numbered 1 to 7"));
  config.numbered_labels.reset();
  config.labels_unusable = {"5 names, not numbered from 0 to 4", "config.json: id2label"};
  plan = checked_plan(tensors, some_hints(), config);
  CHECK(plan.labels.empty());
  CHECK(found(plan, "labels") ==
        "left out: 5 names, not numbered from 0 to 4 (use --labels) (config.json: "
        "id2label)");
}
