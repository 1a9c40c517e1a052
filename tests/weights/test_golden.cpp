// Checkpoints that are not in the repository against PyTorch's numbers, from the file on.

#include <doctest/doctest.h>

#include "tests/weights/golden_case.h"

using namespace quantring;
using test::GoldenCase;

namespace {

// What every checkpoint in ../shared/checkpoints has in common.
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
  // None of them comes with preprocessing; the golden input is normalised, so it does not matter.
  golden.hints.resize = "none";
  golden.hints.mean = golden.hints.std = {0.5f, 0.5f, 0.5f};
  return golden;
}

constexpr auto hugging_face = [](Architecture& a) { a.norm_eps = 1e-12f; };

}  // namespace

TEST_CASE("every block of a checkpoint of each naming equals PyTorch's") {
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
                         a.has_distillation_token = true;  // without a head of its own
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

TEST_CASE("DeiT-Tiny's logits equal PyTorch's from the golden pixels on, for any cut") {
  const auto checkpoint = test::golden("models/deit_tiny_patch16_224.safetensors");
  const auto golden = test::golden("golden/deit_tiny_golden20.safetensors");
  if (!checkpoint || !golden) return;
  const test::TemporaryFolder folder;
  weights::ConvertOptions options;
  options.input = *checkpoint;
  weights::ConvertHints& hints = options.hints;
  hints.heads = 3;
  hints.resize = "256";
  hints.interpolation = "bicubic";
  hints.mean = {0.485f, 0.456f, 0.406f};
  hints.std = {0.229f, 0.224f, 0.225f};
  const ModelFile model(test::convert_to(folder / "model.safetensors", options));
  const SafetensorsFile expected(*golden);
  const auto& pixels = expected.tensors().at("pixels");
  const auto golden_logits = test::floats(expected.tensors().at("logits"));
  const int images = static_cast<int>(pixels.shape[0]);
  const ConstTensor pixel_tensor{pixels.data.data(), DType::u8, {images, 3, 224, 224}};

  Context context(2);
  Stage whole(context, model, {0, model.architecture().half_blocks()}, images);
  const auto logits = test::floats(whole.forward_pixels(pixel_tensor));
  const auto difference = test::compare(logits, golden_logits);
  MESSAGE("largest difference of a logit: " << difference.largest);
  CHECK(difference.largest < 1e-3);

  // The same bits whatever the cut, inside blocks too.
  for (const int stages : {2, 3, 5, 24}) {
    CAPTURE(stages);
    std::vector<float> stream;
    for (const StageRange range : split_evenly(model.architecture(), stages)) {
      Stage stage(context, model, range, images);
      if (!stage.first()) {
        std::memcpy(stage.residual(images).data, stream.data(), stream.size() * sizeof(float));
      }
      stream = test::floats(stage.first() ? stage.forward_pixels(pixel_tensor)
                                          : stage.forward_residual(images));
    }
    CHECK(std::memcmp(stream.data(), logits.data(), logits.size() * sizeof(float)) == 0);
  }
}
