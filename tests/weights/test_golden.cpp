// The forward pass against PyTorch's numbers, from the checkpoint file on.

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "engine/stage.h"
#include "tests/support/golden.h"
#include "weights_tools/convert.h"

using namespace quantring;

namespace {

std::vector<float> floats(const StoredTensor& tensor) {
  REQUIRE(tensor.dtype == "F32");
  std::vector<float> values(tensor.data.size() / 4);
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

std::vector<float> floats(ConstTensor tensor) {
  return {tensor.f32(), tensor.f32() + tensor.shape.elements()};
}

struct Difference {
  double largest = 0;   // absolute
  double relative = 0;  // L2 norm of the difference over that of the expected values
};

Difference compare(const std::vector<float>& actual, const std::vector<float>& expected) {
  REQUIRE(actual.size() == expected.size());
  Difference result;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    REQUIRE(std::isfinite(actual[i]));
    const double delta = std::fabs(double{actual[i]} - expected[i]);
    result.largest = std::max(result.largest, delta);
    difference += delta * delta;
    norm += double{expected[i]} * expected[i];
  }
  result.relative = std::sqrt(difference / norm);
  return result;
}

std::filesystem::path convert_to(const std::filesystem::path& input,
                                 const std::filesystem::path& output, weights::ConvertHints hints) {
  weights::ConvertOptions options;
  options.input = input;
  options.output = output;
  options.hints = std::move(hints);
  weights::convert(options, [](std::size_t, std::size_t) {});
  return output;
}

}  // namespace

TEST_CASE("every block of a small timm ViT equals PyTorch's") {
  const auto checkpoint = test::golden("checkpoints/timm_vit.safetensors");
  const auto golden = test::golden("checkpoints/timm_vit.golden.safetensors");
  if (!checkpoint || !golden) return;
  const test::TemporaryFolder folder;
  weights::ConvertHints hints;
  hints.resize = "none";
  hints.mean = hints.std = {0.5f, 0.5f, 0.5f};
  const ModelFile model(convert_to(*checkpoint, folder / "model.safetensors", hints));
  const SafetensorsFile expected(*golden);
  const auto& input =
      expected.tensors().at("input");  // normalised, so that preprocessing is out of it
  const auto pixels = floats(input);
  const ConstTensor pixel_tensor{
      pixels.data(), DType::f32, {input.shape[0], input.shape[1], input.shape[2], input.shape[3]}};
  const int images = static_cast<int>(input.shape[0]);
  Context context(1);
  for (int block = 0; block < model.architecture().depth; ++block) {
    Stage stage(context, model, {0, 2 * (block + 1)}, images);
    const bool last = stage.last();
    const ConstTensor result = stage.forward_pixels(pixel_tensor);
    const auto actual = last ? floats(stage.residual(images)) : floats(result);
    const auto difference =
        compare(actual, floats(expected.tensors().at("block_" + std::to_string(block))));
    MESSAGE("block " << block << ": relative error " << difference.relative << ", largest "
                     << difference.largest);
    CHECK(difference.relative < 1e-4);
    if (last) {
      const auto logits = compare(floats(result), floats(expected.tensors().at("logits")));
      MESSAGE("logits: relative error " << logits.relative << ", largest " << logits.largest);
      CHECK(logits.relative < 1e-4);
    }
  }
}

TEST_CASE("DeiT-Tiny's logits equal PyTorch's from the golden pixels on, for any cut") {
  const auto checkpoint = test::golden("models/deit_tiny_patch16_224.safetensors");
  const auto golden = test::golden("golden/deit_tiny_golden20.safetensors");
  if (!checkpoint || !golden) return;
  const test::TemporaryFolder folder;
  weights::ConvertHints hints;
  hints.heads = 3;
  hints.resize = "256";
  hints.interpolation = "bicubic";
  hints.mean = {0.485f, 0.456f, 0.406f};
  hints.std = {0.229f, 0.224f, 0.225f};
  const ModelFile model(convert_to(*checkpoint, folder / "model.safetensors", hints));
  const SafetensorsFile expected(*golden);
  const auto& pixels = expected.tensors().at("pixels");
  const auto golden_logits = floats(expected.tensors().at("logits"));
  const int images = static_cast<int>(pixels.shape[0]);
  const ConstTensor pixel_tensor{pixels.data.data(), DType::u8, {images, 3, 224, 224}};

  Context context(2);
  Stage whole(context, model, {0, model.architecture().half_blocks()}, images);
  const auto logits = floats(whole.forward_pixels(pixel_tensor));
  const auto difference = compare(logits, golden_logits);
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
      stream = floats(stage.first() ? stage.forward_pixels(pixel_tensor)
                                    : stage.forward_residual(images));
    }
    CHECK(std::memcmp(stream.data(), logits.data(), logits.size() * sizeof(float)) == 0);
  }
}
