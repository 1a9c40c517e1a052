// Compares tiny checkpoints of every kind (fixtures/golden, made by make_golden_fixtures.py) with
// the frameworks, from the file to the logits.

#include <doctest/doctest.h>

#include <functional>

#include "tests/support/paths.h"
#include "tests/weights/golden/golden_case.h"

using namespace quantring;
using test::GoldenCase;

namespace {

// Another order of summation in f32 gives 1e-6; tanh GELU instead of exact GELU, the mistake with
// the smallest effect, 1e-4.
constexpr double bound = 1e-5;

std::filesystem::path fixtures() {
  return std::filesystem::path(quantring::test::source_path("")) / "tests/weights/fixtures/golden";
}

Architecture tiny_vit() {
  Architecture a;
  a.image_height = a.image_width = 12;
  a.patch_height = a.patch_width = 4;
  a.channels = 3;
  a.dim = 16;
  a.depth = 2;
  a.heads = 2;
  a.mlp_dim = 24;
  a.classes = 5;
  return a;
}

using Change = std::function<void(Architecture&)>;

GoldenCase fixture(const std::string& name, const std::string& source, const Change& change) {
  GoldenCase golden{name, source, tiny_vit()};
  if (change) change(golden.expected);
  return golden;
}

// A folder as on the hub: its config has all facts, except for the resize to an image that is not
// square.
void check_timm_hub(const std::string& name, const Change& change) {
  GoldenCase golden = fixture(name, name, change);
  const Architecture& a = golden.expected;
  if (a.image_height != a.image_width) golden.hints.resize = "none";
  test::check_golden(fixtures(), golden, bound);
}

weights::ConvertHints without_preprocessing() {
  weights::ConvertHints hints;
  hints.resize = "none";
  hints.mean = hints.std = {0.5f, 0.5f, 0.5f};
  return hints;
}

// A folder with Hugging Face's config.json, without preprocessor_config.json.
void check_hugging_face(const std::string& name, const Change& change) {
  GoldenCase golden = fixture(name, name, change);
  golden.hints = without_preprocessing();
  test::check_golden(fixtures(), golden, bound);
}

// A file without a config: the heads are given by a flag.
void check_lone_file(const std::string& name, const std::string& file, const Change& change = {},
                     const std::string& part = {}) {
  GoldenCase golden = fixture(name, file, change);
  golden.hints = without_preprocessing();
  golden.hints.heads = 2;
  golden.part = part;
  test::check_golden(fixtures(), golden, bound);
}

}  // namespace

TEST_CASE("timm: norms on queries and keys") {
  check_timm_hub("timm_qk_norm", [](Architecture& a) { a.qk_norm = true; });
}

TEST_CASE("timm: CLIP's norm before the blocks, quick GELU and eps come from the name") {
  check_timm_hub("timm_clip", [](Architecture& a) {
    a.embed_norm = true;
    a.norm_eps = 1e-5f;
    a.activation = Activation::gelu_quick;
  });
}

TEST_CASE("timm: average pooling, with the norm behind or before it") {
  check_timm_hub("timm_fc_norm", [](Architecture& a) {
    a.pooling = Pooling::average;
    a.norm_after_pooling = true;
  });
  check_timm_hub("timm_avg_norm", [](Architecture& a) { a.pooling = Pooling::average; });
}

TEST_CASE("timm: no class token, no bias of queries, keys and values") {
  check_timm_hub("timm_gap", [](Architecture& a) {
    a.has_class_token = false;
    a.layer_scale = true;
    a.pooling = Pooling::average;
  });
  check_timm_hub("timm_no_qkv_bias", {});
}

TEST_CASE("timm: tokens without positions, LayerScale, registers") {
  check_timm_hub("timm_deit3", [](Architecture& a) { a.layer_scale = true; });
  check_timm_hub("timm_dinov2_reg4", [](Architecture& a) {
    a.layer_scale = true;
    a.registers = 4;
  });
  check_timm_hub("timm_reg1_gap", [](Architecture& a) {
    a.has_class_token = false;
    a.layer_scale = true;
    a.registers = 1;
    a.pooling = Pooling::average;
    a.norm_after_pooling = true;
  });
}

TEST_CASE("timm: tanh GELU; images and patches that are not square; everything at once") {
  check_timm_hub("timm_tanh", [](Architecture& a) { a.activation = Activation::gelu_tanh; });
  check_timm_hub("timm_wide", [](Architecture& a) {
    a.image_height = 8;
    a.image_width = 24;
  });
  check_timm_hub("timm_everything", [](Architecture& a) {
    a.image_height = 16;
    a.image_width = 24;
    a.patch_width = 8;
    a.registers = 2;
    a.embed_norm = a.qk_norm = a.layer_scale = true;
    a.pooling = Pooling::average;
    a.norm_after_pooling = true;
    a.norm_eps = 1e-5f;
    a.activation = Activation::gelu_tanh;
  });
}

TEST_CASE("timm: positions for another image size") {
  for (const int side : {16, 36}) {
    GoldenCase golden = fixture("timm_resize_" + std::to_string(side), "timm_resize.safetensors",
                                [side](Architecture& a) {
                                  a.image_height = a.image_width = side;
                                  a.layer_scale = true;
                                });
    golden.hints = without_preprocessing();
    golden.hints.image_size = weights::ImageSize{side, side};
    test::check_golden(fixtures(), golden, bound);
  }
}

TEST_CASE("half precision") {
  check_lone_file("timm_bf16", "timm_bf16.safetensors");
  check_lone_file("timm_f16", "timm_f16.safetensors");
}

TEST_CASE("PyTorch files: nested and several dictionaries, DataParallel's prefix") {
  check_lone_file("timm_deit", "timm_deit.pth");
  check_lone_file("timm_train", "timm_train.pth.tar", {}, "state_dict");
  check_lone_file("timm_train_ema", "timm_train.pth.tar", {}, "state_dict_ema");
}

TEST_CASE("Hugging Face ViT and DeiT as on the hub") {
  const auto eps = [](Architecture& a) { a.norm_eps = 1e-12f; };
  check_hugging_face("hf_vit_pooler_f16", eps);
  check_hugging_face("hf_vit_sharded", [&](Architecture& a) {
    eps(a);
    a.activation = Activation::gelu_tanh;
  });
  check_hugging_face("hf_vit_bin", [&](Architecture& a) {
    eps(a);
    a.activation = Activation::gelu_quick;
  });
  check_hugging_face("hf_deit_teacher", [&](Architecture& a) {
    eps(a);
    a.has_distillation_token = true;
    a.pooling = Pooling::class_and_distillation;
  });
  check_hugging_face("hf_vit_msn", {});
}

TEST_CASE("Hugging Face DINOv2: LayerScale, a head on class token and average") {
  const auto dinov2 = [](Architecture& a) {
    a.mlp_dim = 32;
    a.layer_scale = true;
    a.pooling = Pooling::class_and_average;
  };
  check_hugging_face("hf_dinov2", dinov2);
  check_hugging_face("hf_dinov2_registers", [&](Architecture& a) {
    dinov2(a);
    a.registers = 3;
  });
  // Positions for a larger image than that of the processor; no flags are needed.
  test::check_golden(fixtures(), fixture("hf_dinov2_crop", "hf_dinov2_crop", dinov2), bound);
  test::check_golden(fixtures(),
                     fixture("hf_dinov2_registers_crop", "hf_dinov2_registers_crop",
                             [&](Architecture& a) {
                               dinov2(a);
                               a.registers = 4;
                             }),
                     bound);
}

TEST_CASE("original DINOv2 files: registers without positions, the head in a separate file") {
  GoldenCase golden = fixture("dinov2_own", "dinov2_own_pretrain.pth", [](Architecture& a) {
    a.layer_scale = true;
    a.registers = 4;
    a.pooling = Pooling::class_and_average;
  });
  golden.hints = without_preprocessing();
  golden.hints.heads = 2;
  golden.head = "dinov2_own_linear_head.pth";
  test::check_golden(fixtures(), golden, bound);
}

TEST_CASE("torchvision's published names and Google's, stored, compressed and with a prefix") {
  check_lone_file("torchvision_linear", "torchvision_linear.pth");
  for (const char* name : {"google_augreg", "google_compressed", "google_big_vision"}) {
    GoldenCase golden = fixture(name, std::string(name) + ".npz", {});
    golden.hints = without_preprocessing();  // heads: a dimension of the kernels
    test::check_golden(fixtures(), golden, bound);
  }
}

TEST_CASE("labels and preprocessing from the files beside the checkpoint") {
  test::check_golden(
      fixtures(),
      fixture("hf_vit_labels", "hf_vit_labels", [](Architecture& a) { a.norm_eps = 1e-12f; }),
      bound);
  const test::TemporaryFolder folder;
  weights::ConvertOptions options;
  options.input = fixtures() / "hf_vit_labels";
  const ModelFile labelled(test::convert_to(folder / "hf.safetensors", options));
  CHECK(labelled.labels() == std::vector<std::string>{"tabby cat", "goldfish, Carassius auratus",
                                                      "Eskimo dog", "tench", "crane"});
  PreprocessConfig expected;
  expected.mode = ResizeMode::squash;
  expected.interpolation = Interpolation::bilinear;
  expected.crop_height = expected.crop_width = 12;
  expected.mean = {0.5f, 0.4f, 0.3f};
  expected.std = {0.25f, 0.5f, 0.75f};
  expected.resize_shorter = labelled.preprocess().resize_shorter;  // not used by squash
  CHECK(labelled.preprocess() == expected);

  options.input = fixtures() / "timm_clip";
  const ModelFile clip(test::convert_to(folder / "clip.safetensors", options));
  CHECK(clip.labels().empty());
  expected.mode = ResizeMode::shorter;
  expected.interpolation = Interpolation::bicubic;
  expected.resize_shorter = 13;  // floor(12 / 0.9), as timm
  expected.mean = {0.48145466f, 0.4578275f, 0.40821073f};
  expected.std = {0.26862954f, 0.26130258f, 0.27577711f};
  CHECK(clip.preprocess() == expected);
}
