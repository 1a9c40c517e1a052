// Compares checkpoints that are not in the repository with PyTorch, from the file to the logits.

#include <doctest/doctest.h>

#include <cstring>
#include <optional>

#include "tests/weights/golden/golden_case.h"

using namespace quantring;
using test::GoldenCase;

namespace {

// Common to all checkpoints in ../shared/checkpoints.
Architecture small_vit() {
  Architecture a;
  a.image_height = a.image_width = 64;
  a.patch_height = a.patch_width = 16;
  a.channels = 3;
  a.dim = 96;
  a.depth = 4;
  a.heads = 3;
  a.mlp_dim = 384;
  a.classes = 17;
  return a;
}

GoldenCase shared_case(const std::string& name, const std::string& extension,
                       const std::function<void(Architecture&)>& change = {}) {
  GoldenCase golden{name, name + extension, small_vit()};
  if (change) change(golden.expected);
  // They have no preprocessing, and need none: the golden input is normalised.
  golden.hints.resize = "none";
  golden.hints.mean = golden.hints.std = {0.5f, 0.5f, 0.5f};
  return golden;
}

constexpr auto hugging_face = [](Architecture& a) { a.norm_eps = 1e-12f; };

}  // namespace

TEST_CASE("all blocks of a checkpoint of each naming equal PyTorch's") {
  for (const GoldenCase& golden : {
           shared_case("timm_vit", ".safetensors"),
           shared_case("timm_vit_pth", ".pth",
                       [](Architecture& a) {
                         a.image_height = a.image_width = 48;
                         a.patch_height = a.patch_width = 8;
                       }),
           shared_case("timm_vit_reg4_layerscale", ".safetensors",
                       [](Architecture& a) {
                         a.image_height = a.image_width = 56;
                         a.patch_height = a.patch_width = 14;
                         a.registers = 4;
                         a.layer_scale = true;
                       }),
           shared_case("timm_deit_distilled", ".safetensors",
                       [](Architecture& a) {
                         a.has_distillation_token = true;
                         a.pooling = Pooling::class_and_distillation;
                       }),
           shared_case("hf_vit", ".safetensors", hugging_face),
           shared_case("hf_deit", ".safetensors",
                       [](Architecture& a) {
                         hugging_face(a);
                         a.has_distillation_token = true;  // without a head for it
                       }),
           shared_case("hf_deit_teacher", ".safetensors",
                       [](Architecture& a) {
                         hugging_face(a);
                         a.has_distillation_token = true;
                         a.pooling = Pooling::class_and_distillation;
                       }),
           shared_case("torchvision_vit", ".pth"),
           shared_case("google_vit", ".npz"),
       }) {
    const auto checkpoint = test::golden("checkpoints/" + golden.source);
    if (!checkpoint) return;
    test::check_golden(checkpoint->parent_path(), golden, 1e-4);
  }
}

namespace {

std::optional<ModelFile> deit_tiny(const test::TemporaryFolder& folder) {
  const auto checkpoint = test::golden("models/deit_tiny_patch16_224.safetensors");
  if (!checkpoint) return std::nullopt;
  return std::optional<ModelFile>(
      std::in_place, test::convert_deit_tiny(*checkpoint, folder / "model.safetensors"));
}

// u8 pixels of 20 photos, preprocessed with Pillow.
struct GoldenPixels {
  explicit GoldenPixels(const SafetensorsFile& golden)
      : memory(golden.read("pixels")),
        tensor{memory.data(), DType::u8, {golden.tensors().at("pixels").shape[0], 3, 224, 224}} {}
  std::vector<std::byte> memory;
  ConstTensor tensor;
};

}  // namespace

TEST_CASE("DeiT-Tiny's logits from the golden pixels equal PyTorch's") {
  const test::TemporaryFolder folder;
  const auto model = deit_tiny(folder);
  const auto golden = test::golden("golden/deit_tiny_golden20.safetensors");
  if (!model || !golden) return;
  const SafetensorsFile expected(*golden);
  const GoldenPixels golden_pixels(expected);
  const ConstTensor pixels = golden_pixels.tensor;
  const auto golden_logits = test::floats(expected, "logits");
  for (const test::Setting& setting : test::all_settings()) {
    CAPTURE(setting.name);
    Context context(setting.options);
    const int images = static_cast<int>(pixels.shape[0]);
    Stage stage(context, *model, {0, model->architecture().half_blocks()}, images);
    const test::Uploaded input(context, pixels);
    const auto logits = test::host_values(context, stage.forward_pixels(input));
    const auto difference = test::compare(logits, golden_logits);
    MESSAGE("DeiT-Tiny on " << setting.name << ": max difference of a logit " << difference.max
                            << ", relative error " << difference.relative);
    if (setting.options.precision == Precision::f32) CHECK(difference.max < 1e-3);
    CHECK(difference.relative < setting.bound(1e-4));
    // On a GPU, the second pass replays the recorded graph.
    const auto again = test::host_values(context, stage.forward_pixels(input));
    CHECK(test::compare(again, golden_logits).relative < setting.bound(1e-4));
  }
}

TEST_CASE("DeiT-Tiny gives the same logits for all cuts, also inside blocks; bit-equal in f32") {
  const test::TemporaryFolder folder;
  const auto model = deit_tiny(folder);
  const auto golden = test::golden("golden/deit_tiny_golden20.safetensors");
  if (!model || !golden) return;
  const SafetensorsFile expected(*golden);
  const GoldenPixels golden_pixels(expected);
  const ConstTensor pixels = golden_pixels.tensor;
  const int images = static_cast<int>(pixels.shape[0]);
  for (const test::Setting& setting : test::all_settings()) {
    CAPTURE(setting.name);
    Context context(setting.options);
    const test::Uploaded input(context, pixels);
    const auto run = [&](int stages) {
      std::vector<std::byte> stream;
      for (const StageRange range : split_evenly(model->architecture(), stages)) {
        Stage stage(context, *model, range, images);
        if (!stage.first()) upload(context, stream, stage.residual(images).data);
        const ConstTensor result =
            stage.first() ? stage.forward_pixels(input) : stage.forward_residual(images);
        stream.resize(result.bytes());
        download(context, result.data, stream);
      }
      return stream;
    };
    const auto values = [](const std::vector<std::byte>& stream) {
      std::vector<float> logits(stream.size() / sizeof(float));
      std::memcpy(logits.data(), stream.data(), stream.size());
      return logits;
    };
    // In 16 bits, most norms are fused with the neighbouring products, but not the first one of a
    // stage. Also, a stage that ends behind the last attention computes all tokens, not only those
    // of the head, and the product's algorithm may depend on the number of rows.
    const bool bit_equal = setting.options.precision == Precision::f32;
    const auto whole = run(1);
    for (const int stages : {2, 3, 5, 24}) {
      CAPTURE(stages);
      const auto cut = run(stages);
      if (bit_equal) CHECK(cut == whole);
      CHECK(test::compare(values(cut), values(whole)).relative < setting.bound(1e-6));
    }
  }
}
