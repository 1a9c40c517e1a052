// The preprocessing of a converted model, from flags and files.
#include <doctest/doctest.h>
#include <zlib.h>

#include <fstream>
#include <string>

#include "ops/base/error.h"
#include "ops/base/json.h"
#include "tests/engine/codec/patterns.h"
#include "tests/support/paths.h"
#include "tests/support/texts.h"
#include "weights_tools/plan/preprocessing.h"

namespace quantring::weights {
namespace {

using quantring::test::contains;

Architecture model(int height, int width) {
  Architecture a;
  a.image_height = height;
  a.image_width = width;
  a.channels = 3;
  return a;
}

ConvertHints all_flags() {
  ConvertHints hints;
  hints.resize = "20";
  hints.interpolation = "bilinear";
  hints.mean = {0.1f, 0.2f, 0.3f};
  hints.std = {0.4f};
  return hints;
}

struct Inferred {
  PreprocessConfig config;
  std::vector<Finding> findings;
  std::string error;
};

Inferred infer(const Architecture& architecture, const ConfigFacts& facts,
               const ConvertHints& hints = {}) {
  Inferred out;
  try {
    out.config = infer_preprocess(architecture, facts, hints, out.findings);
  } catch (const Error& error) {
    out.error = error.what();
  }
  return out;
}

std::string finding(const Inferred& inferred, const std::string& what) {
  for (const Finding& found : inferred.findings) {
    if (found.what == what) return found.value + " <- " + found.source;
  }
  return "none";
}

const std::string pixels_048 = R"("mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5])";

TEST_CASE("pixels equal those of transformers and timm with the same files") {
  std::ifstream file(
      quantring::test::source_path("tests/weights/fixtures/config/processors.jsonl"));
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    CAPTURE(line);
    const auto c = try_parse_json(line);
    const auto inferred =
        infer(model(c["image"][0], c["image"][1]), read_config(c["config"], c["processor"]));
    REQUIRE(inferred.error == "");
    const Image picture = draw("noise", c["picture"][0], c["picture"][1], 3);
    std::vector<std::uint8_t> pixels(inferred.config.pixel_count());
    to_pixels(picture, inferred.config, pixels);
    CHECK(crc32(0, pixels.data(), static_cast<unsigned>(pixels.size())) ==
          c["crc"].get<unsigned>());
    CHECK(inferred.config.mean == c["mean"].get<std::vector<float>>());
    CHECK(inferred.config.std == c["std"].get<std::vector<float>>());
  }
  CHECK(cases == 34);
}

TEST_CASE("flags override files, and the findings say so") {
  const auto facts = read_config(
      R"({"architecture": "v", "pretrained_cfg": {"crop_pct": 0.9, "interpolation": "bicubic"}})",
      "");
  const auto inferred = infer(model(16, 16), facts, all_flags());
  CHECK(inferred.error == "");
  CHECK(inferred.config.mode == ResizeMode::shorter);
  CHECK(inferred.config.resize_shorter == 20);
  CHECK(inferred.config.interpolation == Interpolation::bilinear);
  CHECK(inferred.config.mean == std::vector<float>{0.1f, 0.2f, 0.3f});
  CHECK(inferred.config.std == std::vector<float>{0.4f, 0.4f, 0.4f});
  CHECK(finding(inferred, "resize") == "shorter side 20, then the middle 16x16 <- --resize");
  CHECK(finding(inferred, "interpolation") == "bilinear <- --interpolation");
  CHECK(finding(inferred, "mean") == "0.1 0.2 0.3 <- --mean");
  CHECK(finding(inferred, "std") == "0.4 0.4 0.4 <- --std");
}

TEST_CASE("errors for missing facts suggest the usual values") {
  ConvertHints hints = all_flags();
  hints.resize.reset();
  CHECK(contains(
      infer(model(224, 224), {}, hints).error,
      "is not in the files: add --resize SIDE, the shorter side before the centre crop "
      "(usual at this size: 248 for timm's ViTs, 256 for torchvision's), --resize squash"));
  auto deit = model(384, 384);
  deit.has_distillation_token = true;
  CHECK(contains(infer(deit, {}, hints).error, "usual for DeiT at this size: 438"));
  const auto named = read_config(R"({"architecture": "deit3_base_patch16_224"})", "");
  CHECK(contains(infer(model(224, 224), named, hints).error, "usual for DeiT at this size: 256"));

  hints = all_flags();
  hints.interpolation.reset();
  CHECK(contains(infer(model(224, 224), {}, hints).error, "add --interpolation bicubic"));
  hints.resize = "none";
  CHECK(infer(model(224, 224), {}, hints).error == "");
  hints.interpolation = "bicubic";
  CHECK(contains(infer(model(224, 224), {}, hints).error, "no meaning with --resize none"));

  for (const bool mean : {true, false}) {
    hints = all_flags();
    (mean ? hints.mean : hints.std).clear();
    const auto error = infer(model(224, 224), {}, hints).error;
    CHECK(contains(error, mean ? "the pixels' mean is not" : "the pixels' std is not"));
    CHECK(contains(error, "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225"));
    CHECK(contains(error, "--mean 0.5,0.5,0.5 --std 0.5,0.5,0.5"));
  }
}

TEST_CASE("errors name the invalid flag") {
  for (const auto* value : {"", "0", "-3", "12x", "big", "70000", "99999999999", "squash_crop"}) {
    ConvertHints hints = all_flags();
    hints.resize = value;
    CHECK(contains(infer(model(16, 16), {}, hints).error, std::string("--resize ") + value + ":"));
  }
  ConvertHints hints = all_flags();
  hints.interpolation = "lanczos";
  CHECK(contains(infer(model(16, 16), {}, hints).error, "--interpolation lanczos: use"));
  hints = all_flags();
  hints.mean = {0.5f, 0.5f};
  CHECK(contains(infer(model(16, 16), {}, hints).error, "--mean has 2 values"));
  hints = all_flags();
  hints.std = {0.5f, 0.0f, 0.5f};
  CHECK(contains(infer(model(16, 16), {}, hints).error, "--std holds 0"));
}

TEST_CASE("timm's resize is relative to the final image size") {
  const auto read = [](const std::string& more) {
    return read_config(R"({"architecture": "v", "pretrained_cfg": {"input_size": [3, 224, 224], )" +
                           pixels_048 + more + "}}",
                       "");
  };
  auto inferred = infer(model(384, 384), read(R"(, "crop_pct": 0.9)"));
  CHECK(inferred.config.resize_shorter == 426);
  CHECK(finding(inferred, "resize") ==
        "shorter side 426, then the middle 384x384 <- config.json: pretrained_cfg.crop_pct "
        "(crop_pct 0.9)");
  CHECK(finding(inferred, "interpolation") == "bicubic <- timm's default");
  inferred = infer(model(224, 224), read(""));
  CHECK(inferred.config.resize_shorter == 256);
  CHECK(contains(finding(inferred, "resize"), "timm's default crop_pct 0.875"));
  CHECK(contains(infer(model(224, 160), read("")).error, "is for square images"));
  inferred = infer(model(32, 16), read(R"(, "crop_pct": 0.8, "crop_mode": "squash")"));
  CHECK(inferred.config.squash_height == 40);
  CHECK(inferred.config.squash_width == 20);
}

TEST_CASE("Hugging Face's resize is scaled with the image size, and the finding says so") {
  const std::string dinov2 = R"({"model_type": "dinov2", "image_size": 518})";
  auto inferred = infer(model(518, 518), read_config(dinov2, R"({"crop_size": 224,
    "size": {"shortest_edge": 256}})"));
  CHECK(inferred.config.resize_shorter == 592);
  CHECK(contains(finding(inferred, "resize"),
                 "shorter side 592, then the middle 518x518 <- preprocessor_config.json: size: 256 "
                 "for 224x224, scaled to 518x518"));
  inferred = infer(model(224, 224), read_config(dinov2, R"({"crop_size": 224,
    "size": {"shortest_edge": 256}})"));
  CHECK(finding(inferred, "resize") ==
        "shorter side 256, then the middle 224x224 <- preprocessor_config.json: size");
  CHECK(contains(infer(model(224, 112), read_config(dinov2, "{}")).error,
                 "is for images of 224x224, not 224x112"));
  inferred = infer(model(384, 384), read_config(R"({"model_type": "deit"})", "{}"));
  CHECK(inferred.config.mode == ResizeMode::squash_crop);
  CHECK(inferred.config.squash_height == 439);
  CHECK(contains(finding(inferred, "resize"), "DeiTImageProcessor's default size: 256x256 for"));
  inferred = infer(model(384, 384), read_config(R"({"model_type": "vit"})", "{}"));
  CHECK(finding(inferred, "resize") ==
        "to 384x384 <- ViTImageProcessor's default size: 224x224, replaced by the model's 384x384 "
        "(transformers' vit accepts no other)");
  inferred = infer(model(224, 224), read_config(R"({"model_type": "vit"})", "{}"));
  CHECK(finding(inferred, "resize") == "to 224x224 <- ViTImageProcessor's default size");
  inferred = infer(model(32, 32), read_config(dinov2, R"({"crop_size": 64,
    "size": {"height": 64, "width": 64}})"));
  CHECK(finding(inferred, "resize") ==
        "to 32x32 <- preprocessor_config.json: size: 64x64, replaced by the model's 32x32");
}

TEST_CASE("the rounding of the crop is that of the library, and the finding says so") {
  const auto hugging_face = read_config(R"({"model_type": "dinov2"})", "{}");
  auto inferred = infer(model(224, 224), hugging_face);
  CHECK(inferred.config.crop_rounding == CropRounding::down);
  CHECK(finding(inferred, "crop of an odd margin") ==
        "begins at its half, rounded down <- transformers' center_crop");
  // There is no flag for it: the value of the file is used.
  CHECK(infer(model(224, 224), hugging_face, all_flags()).config.crop_rounding ==
        CropRounding::down);
  // Without a crop it would only change the model's identity.
  inferred = infer(model(224, 224), read_config(R"({"model_type": "vit"})", "{}"));
  CHECK(inferred.config.crop_rounding == CropRounding::half_to_even);
  CHECK(finding(inferred, "crop of an odd margin") == "none");
  const auto timm = read_config(R"({"architecture": "v", "pretrained_cfg": {}})", "");
  CHECK(infer(model(224, 224), timm).config.crop_rounding == CropRounding::half_to_even);
  CHECK(infer(model(224, 224), {}, all_flags()).config.crop_rounding == CropRounding::half_to_even);
}

TEST_CASE("unsupported settings of a file are errors, and a flag replaces them") {
  const std::string vit = R"({"model_type": "vit"})";
  struct Case {
    std::string config, processor, part;
  };
  for (const Case& c :
       {Case{vit, R"({"resample": 1})", "preprocessor_config.json: resample is 1 (lanczos)"},
        {vit, R"({"size": {"shortest_edge": 30}})", "size: pictures of different sizes"},
        {vit, R"({"size": {"shortest_edge": 30, "longest_edge": 40}})", "longer side"},
        {vit, R"({"do_center_crop": true})", "do_center_crop: the size of the crop is missing"},
        {R"({"model_type": "deit"})", R"({"do_resize": false})", "do_resize: a crop without"},
        {vit, R"({"rescale_factor": 0.5})", "rescale_factor takes pixels other than 0 to 1"},
        {vit, R"({"do_rescale": false})", "do_rescale takes"},
        {vit, R"({"image_processor_type": "ConvNextImageProcessor"})",
         "image_processor_type is ConvNextImageProcessor, which is unknown"},
        {"", R"({"size": 224})", "image_processor_type is absent"},
        {R"({"architecture": "v", "pretrained_cfg": {"interpolation": "random"}})", "",
         "pretrained_cfg.interpolation is random"},
        {R"({"architecture": "v", "pretrained_cfg": {"crop_mode": "border"}})", "",
         "pretrained_cfg.crop_mode is border"}}) {
    CAPTURE(c.processor);
    const auto facts = read_config(c.config, c.processor);
    const auto refused = infer(model(224, 224), facts);
    CAPTURE(refused.error);
    CHECK(contains(refused.error, c.part));
    CHECK(contains(refused.error, "add --"));
    CHECK(infer(model(224, 224), facts, all_flags()).error == "");
  }
  const auto none = infer(model(20, 20), read_config(vit, R"({"do_resize": false})"));
  CHECK(none.config.mode == ResizeMode::none);
  CHECK(finding(none, "interpolation") == "none");
  const auto grey = read_config(vit, R"({"image_mean": [0.1, 0.2]})");
  CHECK(contains(infer(model(16, 16), grey).error, "image_mean has 2 values"));
  const auto zero = read_config(vit, R"({"image_std": [0.1, 0.2, 0]})");
  CHECK(contains(infer(model(16, 16), zero).error, "image_std holds 0: add --std"));
}

}  // namespace
}  // namespace quantring::weights
