// config.json and preprocessor_config.json: the meaning of each key, timm's names, and the errors.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "ops/activation_name.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/paths.h"
#include "tests/support/texts.h"
#include "weights_tools/config/config.h"

namespace quantring::weights {
namespace {

using quantring::test::contains;

const std::string folder = quantring::test::source_path("tests/weights/fixtures/config/");

std::string error_of(const std::string& config, const std::string& preprocessor = {}) {
  return test::error_of([&] { read_config(config, preprocessor); });
}

TEST_CASE("facts from timm's model names equal those of the models that timm builds") {
  std::ifstream file(folder + "timm_models.txt");
  REQUIRE(file);
  int plain = 0, refused = 0, others = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    std::string name, kind, activation, pooling;
    int heads = 0, dim = 0;
    float eps = 0;
    in >> name >> kind >> heads >> dim >> eps >> activation >> pooling;
    CAPTURE(name);
    const std::string config = R"({"architecture": ")" + name + R"("})";
    if (kind == "refused") {
      CHECK(contains(error_of(config), "architecture is \"" + name));
      ++refused;
      continue;
    }
    const ConfigFacts facts = read_config(config, "");
    REQUIRE(facts.architecture);
    CHECK(facts.architecture->value == name);
    if (kind == "other") {
      CHECK(!facts.heads);
      CHECK(!facts.dim);
      CHECK(!facts.norm_eps);
      CHECK(!facts.activation);
      CHECK(!facts.pooling);
      ++others;
      continue;
    }
    REQUIRE(kind == "plain");
    REQUIRE(facts.heads);
    CHECK(facts.heads->value == heads);
    CHECK(facts.heads->source == "config.json: architecture " + name + " (timm)");
    CHECK(facts.dim.value().value == dim);
    CHECK(facts.norm_eps.value().value == eps);
    CHECK(activation_name(facts.activation.value().value) == activation);
    CHECK(facts.pooling.value().value ==
          (pooling == "avg" ? Pooling::average : Pooling::class_token));
    ++plain;
  }
  CHECK(plain == 126);
  CHECK(refused == 71);
  CHECK(others == 43);
}

TEST_CASE("timm: unknown names have no facts, tags are ignored") {
  for (const auto* name : {"vit", "deit_distilled", "torchvision", "vit_base", "resnet50", "",
                           "vit_base_patchwork_224", "vit_base_patch16_new_224", "_vit_"}) {
    CAPTURE(name);
    const auto facts = read_config(std::string(R"({"architecture": ")") + name + "\"}", "");
    CHECK(!facts.heads);
    CHECK(!facts.pooling);
  }
  const auto facts = read_config(R"({"architecture": "vit_base_patch16_clip_224.openai"})", "");
  CHECK(facts.heads.value().value == 12);
  CHECK(facts.norm_eps.value().value == 1e-5f);
  CHECK(facts.norm_eps->source ==
        "config.json: architecture vit_base_patch16_clip_224.openai (timm)");
}

TEST_CASE("timm: the hub's config.json") {
  const auto facts = read_config(R"({
    "architecture": "vit_base_patch16_224", "num_classes": 3, "num_features": 768,
    "global_pool": "avg", "num_heads": 99, "model_args": {"img_size": [32, 48], "num_heads": 6,
    "act_layer": "quick_gelu"}, "label_names": ["n1", "n2", "n3"],
    "label_descriptions": {"n1": "tench, Tinca tinca", "n3": "shark"},
    "pretrained_cfg": {"tag": "x", "input_size": [3, 224, 224], "fixed_input_size": true,
      "interpolation": "bilinear", "crop_pct": 0.9, "crop_mode": "center", "pool_size": null,
      "mean": [0.5, 0.25, 0.125], "std": [0.5, 0.5, 0.5]}})",
                                 "");
  CHECK(facts.heads.value().value == 6);
  CHECK(facts.heads->source == "config.json: model_args.num_heads");
  CHECK(facts.activation.value().value == Activation::gelu_quick);
  CHECK(facts.norm_eps.value().value == 1e-6f);
  CHECK(facts.pooling.value().value == Pooling::average);
  CHECK(facts.pooling->source == "config.json: global_pool");
  CHECK(facts.image_size.value().value == ImageSize{32, 48});
  CHECK(facts.resize_mode.value().value == ResizeMode::shorter);
  CHECK(facts.resize_mode->source == "config.json: pretrained_cfg.crop_pct");
  CHECK(facts.crop_pct.value() == 0.9);
  CHECK(facts.interpolation.value().value == Interpolation::bilinear);
  CHECK(facts.mean.value().value == std::vector<float>{0.5f, 0.25f, 0.125f});
  CHECK(facts.labels.value().value ==
        std::vector<std::string>{"tench, Tinca tinca", "n2", "shark"});
  CHECK(!facts.model_type);
}

TEST_CASE("timm: constructor arguments alone, and the form without sections") {
  auto facts = read_config(
      R"({"architecture": "vit", "img_size": 64, "num_heads": 3, "init_values": 1e-05})", "");
  CHECK(facts.heads.value().value == 3);
  CHECK(facts.heads->source == "config.json: num_heads");
  CHECK(facts.image_size.value().value == ImageSize{64, 64});
  CHECK(!facts.norm_eps);
  CHECK(!facts.resize_mode);
  CHECK(!facts.mean);
  facts = read_config(R"({"architecture": "deit_tiny_patch16_224", "input_size": [3, 96, 96],
    "crop_pct": 0.8, "mean": [0.1, 0.2, 0.3], "labels": ["a", "b"]})",
                      "");
  CHECK(facts.image_size.value().value == ImageSize{96, 96});
  CHECK(facts.crop_pct.value() == 0.8);
  CHECK(facts.labels.value().value == std::vector<std::string>{"a", "b"});
  CHECK(!facts.interpolation);
  facts = read_config(R"({"model_type": "timm_wrapper", "architecture": "deit_tiny_patch16_224",
    "pretrained_cfg": {}})",
                      "");
  CHECK(facts.heads.value().value == 3);
  CHECK(facts.interpolation.value().source == "timm's default");
}

TEST_CASE("Hugging Face: config.json") {
  const auto facts = read_config(R"({"model_type": "vit", "num_attention_heads": 3,
    "layer_norm_eps": 1e-12, "hidden_act": "gelu_new", "image_size": [32, 64], "qkv_bias": true,
    "id2label": {"1": "dog", "0": "cat", "2": "owl"}, "label2id": {"cat": 0}})",
                                 "");
  CHECK(facts.model_type.value().value == "vit");
  CHECK(facts.heads.value().value == 3);
  CHECK(facts.heads->source == "config.json: num_attention_heads");
  CHECK(facts.norm_eps.value().value == 1e-12f);
  CHECK(facts.activation.value().value == Activation::gelu_tanh);
  CHECK(facts.image_size.value().value == ImageSize{32, 64});
  CHECK(facts.labels.value().value == std::vector<std::string>{"cat", "dog", "owl"});
  CHECK(!facts.resize_mode);
  for (const auto& [name, activation] : {std::pair{"gelu", Activation::gelu_erf},
                                         {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                         {"gelu_fast", Activation::gelu_tanh},
                                         {"quick_gelu", Activation::gelu_quick}}) {
    const std::string text = std::string(R"({"num_attention_heads": 3, "hidden_act": ")") + name;
    CHECK(read_config(text + "\"}", "").activation.value().value == activation);
  }
}

TEST_CASE("sizes that identify the config of another model") {
  auto facts = read_config(R"({"model_type": "vit", "hidden_size": 96, "num_hidden_layers": 3,
    "intermediate_size": 384})",
                           "");
  CHECK(facts.dim.value().value == 96);
  CHECK(facts.dim->source == "config.json: hidden_size");
  CHECK(facts.depth.value().value == 3);
  CHECK(facts.depth->source == "config.json: num_hidden_layers");
  CHECK(facts.mlp_dim.value().value == 384);
  CHECK(facts.mlp_dim->source == "config.json: intermediate_size");
  // DINOv2 has mlp_ratio; intermediate_size is ignored.
  facts = read_config(R"({"model_type": "dinov2", "intermediate_size": 384})", "");
  CHECK(!facts.mlp_dim);
  // model_args override num_features, which overrides the name.
  const std::string name = R"({"architecture": "vit_tiny_patch16_224")";
  facts = read_config(
      name + R"(, "num_features": 48, "model_args": {"embed_dim": 96, "depth": 3}})", "");
  CHECK(facts.dim.value().value == 96);
  CHECK(facts.dim->source == "config.json: model_args.embed_dim");
  CHECK(facts.depth.value().value == 3);
  facts = read_config(name + R"(, "num_features": 48})", "");
  CHECK(facts.dim.value().value == 48);
  CHECK(!facts.depth);
  CHECK(read_config(name + "}", "").dim.value().source ==
        "config.json: architecture vit_tiny_patch16_224 (timm): dim");
}

TEST_CASE("labels that are not numbered 0 to n-1 keep their numbers") {
  auto facts = read_config(R"({"model_type": "deit", "id2label": {"0": "a", "2": "c"}})", "");
  CHECK(!facts.labels);
  CHECK(facts.numbered_labels.value().value == ClassNames{{0, "a"}, {2, "c"}});
  CHECK(facts.numbered_labels->source == "config.json: id2label");
  // Without numbers, label2id has the order.
  facts = read_config(R"({"model_type": "deit", "id2label": {"x": "a", "y": "b"},
    "label2id": {"b": 0, "a": 1}})",
                      "");
  CHECK(facts.labels.value().value == std::vector<std::string>{"b", "a"});
  CHECK(!facts.labels_unusable);
  facts =
      read_config(R"({"model_type": "deit", "id2label": {"x": "a"}, "label2id": {"a": "y"}})", "");
  CHECK(!facts.labels);
  CHECK(facts.labels_unusable.value().value == "1 names, not numbered by class");
  CHECK(
      !read_config(R"({"model_type": "deit", "id2label": {"0": "LABEL_0"}})", "").labels_unusable);
  CHECK(!read_config(R"({"model_type": "deit", "id2label": {}})", "").labels_unusable);
  // Another key may have valid labels.
  const auto timm =
      read_config(R"({"architecture": "v", "label_names": {"x": "a"}, "labels": ["b"]})", "");
  CHECK(timm.labels.value().value == std::vector<std::string>{"b"});
  CHECK(!timm.labels_unusable);
}

TEST_CASE("placeholders and labels that are not numbered 0 to n-1 are left out") {
  const auto labels = [](const std::string& id2label) {
    return read_config(R"({"model_type": "deit", "id2label": )" + id2label + "}", "").labels;
  };
  CHECK(!labels(R"({"0": "LABEL_0", "1": "LABEL_1"})"));
  CHECK(labels(R"({"0": "LABEL_0", "1": "LABEL_7"})"));
  using Names = std::vector<std::string>;
  CHECK(labels(R"({"0": 5, "1": true, "2": 0.5})").value().value == Names{"5", "true", "0.5"});
  CHECK(labels(R"({"dog": 1, "cat": 0})").value().value == Names{"cat", "dog"});
  CHECK(labels(R"({"dog": "1", "cat": "0"})").value().value == Names{"cat", "dog"});
  CHECK(labels(R"({"0": "1", "1": "0"})").value().value == Names{"1", "0"});
  CHECK(!labels(R"({"0": ["a"], "1": "b"})"));
  CHECK(!labels(R"({"0": "a\nb"})"));
  CHECK(!labels(R"({"0": "a", "2": "c"})"));
  CHECK(!labels(R"({"1": "a", "2": "c"})"));
  CHECK(!labels(R"({"0": "a", "00": "c"})"));
  CHECK(!labels(R"({"0": "a", "-1": "c"})"));
  CHECK(!labels(R"({"0": "a", "99999999999999999999": "c"})"));
  CHECK(!labels("{}"));
  CHECK(!labels("null"));
}

TEST_CASE("errors for unsupported settings name file and key") {
  for (const auto& [config, part] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"model_type": "swin"})",
            "'config.json': model_type is \"swin\": this model has attention in shifted"},
           {R"({"model_type": "unheard_of"})", "only vit, deit, dinov2"},
           {R"({"model_type": "siglip2"})", "model_type"},
           {R"({"model_type": "vit", "hidden_act": "relu"})", "hidden_act is \"relu\": only gelu"},
           {R"({"model_type": "dinov2", "use_swiglu_ffn": true})", "use_swiglu_ffn is true"},
           {R"({"architecture": "v", "global_pool": "map"})", "global_pool is \"map\""},
           {R"({"architecture": "v", "model_args": {"global_pool": "max"}})",
            "model_args.global_pool is \"max\""},
           {R"({"architecture": "v", "model_args": {"act_layer": "silu"}})", "act_layer"},
           {R"({"architecture": "v", "model_args": {"norm_layer": "rmsnorm"}})", "norm_layer"},
           {R"({"architecture": "v", "model_args": {"pool_include_prefix": true}})",
            "pool_include_prefix"}}) {
    const std::string error = error_of(config);
    CAPTURE(error);
    CHECK(contains(error, part));
  }
}

TEST_CASE("errors for values of a wrong type or out of bounds name file and key") {
  const std::string hf = R"({"model_type": "vit", )", timm = R"({"architecture": "vit", )";
  for (const auto& [config, part] : std::initializer_list<std::pair<std::string, const char*>>{
           {hf + R"("num_attention_heads": "12"})", "num_attention_heads is \"12\": a whole"},
           {hf + R"("num_attention_heads": 12.5})", "num_attention_heads is 12.5"},
           {hf + R"("num_attention_heads": 0})", "from 1 to 65536"},
           {hf + R"("num_attention_heads": 18446744073709551615})", "num_attention_heads"},
           {hf + R"("layer_norm_eps": -1})", "layer_norm_eps"},
           {hf + R"("image_size": {"height": 3}})", "image_size"},
           {hf + R"("image_size": [1, 2, 3, 4]})", "image_size is [1,2,3,4]"},
           {hf + R"("image_size": 65536})", "image_size is 65536"},
           {hf + R"("id2label": 3})", "id2label"},
           {R"({"model_type": 3})", "model_type is 3"},
           {timm + R"("pretrained_cfg": []})", "pretrained_cfg is []: an object"},
           {timm + R"("pretrained_cfg": {"crop_pct": 1.5}})", "pretrained_cfg.crop_pct is 1.5"},
           {timm + R"("pretrained_cfg": {"crop_mode": "round"}})", "crop_mode is \"round\""},
           {timm + R"("mean": [1, 2, 3, 4]})", "mean"},
           {timm + R"("std": [1, "2", 3]})", "std"},
           {timm + R"("mean": []})", "mean"},
           {timm + R"("mean": 1e60})", "mean"},
           {"[1]", "'config.json' is not a JSON object"},
           {"{", "'config.json' is not a JSON object"},
           {timm + R"("mean": 1e999})", "'config.json' is not a JSON object"},
           {R"({"architecture": ")" + std::string(2000, 'a') + "\"}", "architecture"},
           {R"({"a": ")" + std::string(9 << 20, 'a') + "\"}", "longer than 8 MiB"},
           {R"({"a": )" + std::string(100000, '[') + "}", "nested too deeply"}}) {
    const std::string error = error_of(config);
    CAPTURE(error);
    CHECK(contains(error, part));
    CHECK(error.size() < 300);
  }
}

TEST_CASE("errors of preprocessor_config.json name the key") {
  const auto refused = [](const std::string& text) {
    return error_of(R"({"model_type": "vit"})", text);
  };
  CHECK(contains(refused(R"({"size": "big"})"), "'preprocessor_config.json': size is \"big\""));
  CHECK(contains(refused(R"({"size": {"width": 3}})"), "size is {\"width\":3}"));
  CHECK(contains(refused(R"({"size": {"height": 0, "width": 3}})"), "size.height is 0"));
  CHECK(contains(refused(R"({"do_resize": 1})"), "do_resize is 1"));
  CHECK(contains(refused(R"({"resample": 9})"), "resample is 9"));
  CHECK(contains(refused(R"({"image_mean": "0"})"), "image_mean"));
  CHECK(contains(refused("{]"), "'preprocessor_config.json' is not a JSON object"));
}

TEST_CASE("the files beside a checkpoint") {
  const test::TemporaryFolder dir;
  const auto checkpoint = dir / "net.safetensors";
  CHECK(!read_config_beside(checkpoint, {}).heads);
  test::write_file(dir / "config.json", R"({"num_heads": 1})");
  CHECK(read_config_beside(checkpoint, {}).heads.value().source == "config.json: num_heads");
  test::write_file(dir / "net.config.json", R"({"num_heads": 2})");
  const auto named = read_config_beside(checkpoint, {});
  CHECK(named.heads.value().value == 2);
  CHECK(named.heads->source == "net.config.json: num_heads");
  CHECK(read_config_beside(dir / "model.safetensors.index.json", {}).heads.value().value == 1);
  test::write_file(dir / "other.json", R"({"num_heads": 3})");
  CHECK(read_config_beside(checkpoint, dir / "other.json").heads.value().source ==
        "other.json: num_heads");
  test::write_file(dir / "preprocessor_config.json",
                   R"({"image_processor_type": "ViTImageProcessor", "size": 32})");
  CHECK(read_config_beside(checkpoint, {}).resize_mode.value().source ==
        "preprocessor_config.json: size");
  const auto text_of = [&](const std::filesystem::path& path) {
    return test::error_of([&] { read_config_beside(checkpoint, path); });
  };
  CHECK(contains(text_of(dir / "absent.json"), "absent.json'"));
  CHECK(contains(text_of(dir.path()), "not a regular file"));
  test::write_file(dir / "empty.json", "");
  CHECK(contains(text_of(dir / "empty.json"), "is empty"));
  test::write_file(dir / "bad.json", R"({"num_heads": "x"})");
  CHECK(contains(text_of(dir / "bad.json"), (dir / "bad.json").string() + "': num_heads"));
}

}  // namespace
}  // namespace quantring::weights
