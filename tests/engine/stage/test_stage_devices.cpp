// The forward pass on a GPU against the CPU's, for every architecture and precision.

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "engine/model/random_model.h"
#include "engine/stage/stage.h"
#include "ops/device.h"
#include "ops/half.h"
#include "ops/transfer.h"
#include "tests/engine/model/architectures.h"
#include "tests/support/temp_folder.h"

using namespace quantring;

namespace {

constexpr int images = 3;

std::vector<std::byte> random_pixels(const Architecture& a) {
  std::vector<std::byte> pixels(
      static_cast<std::size_t>(images * a.channels * a.image_height * a.image_width));
  std::uint32_t state = 1;
  for (auto& pixel : pixels) {
    pixel = static_cast<std::byte>((state = state * 1664525u + 1013904223u) >> 24);
  }
  return pixels;
}

// Logits of the whole model; `times` forward passes, the last one's result.
std::vector<float> logits(const ModelFile& model, const ContextOptions& options, int times) {
  const Architecture& a = model.architecture();
  const std::vector<std::byte> pixels = random_pixels(a);
  Context context(options);
  Stage stage(context, model, {0, a.half_blocks()}, images);
  Buffer on_device(context, pixels.size());
  upload(context, pixels, on_device.data());
  std::vector<float> result(static_cast<std::size_t>(images * a.classes));
  for (int i = 0; i < times; ++i) {
    const ConstTensor out = stage.forward_pixels(
        {on_device.data(), DType::u8, {images, a.channels, a.image_height, a.image_width}});
    REQUIRE(out.dtype == DType::f32);
    download(context, out.data, std::as_writable_bytes(std::span(result)));
  }
  return result;
}

}  // namespace

TEST_CASE("every architecture on a GPU gives the CPU's logits") {
  const DeviceChoice choice = choose_device("auto");
  if (choice.device.kind != Device::Kind::cuda) {
    std::printf("SKIPPED: no GPU (%s)\n", choice.note.c_str());
    return;
  }
  struct Case {
    Precision precision;
    bool residual_f32;
    double limit;  // relative to the largest logit
  };
  constexpr Case cases[] = {{Precision::f32, false, 1e-5},
                            {Precision::f16, false, 1e-2},
                            {Precision::f16, true, 1e-2},
                            {Precision::bf16, false, 6e-2},
                            {Precision::bf16, true, 6e-2}};
  std::uint32_t seed = 1;
  for (const auto& named : test::all_architectures()) {
    const TempFolder folder;
    write_random_model(folder / "model.safetensors", named.architecture, StorageType::f32, ++seed);
    const ModelFile model(folder / "model.safetensors");
    const std::vector<float> expected = logits(model, {}, 1);
    float largest = 0;
    for (const float value : expected) largest = std::max(largest, std::abs(value));
    for (const Case& c : cases) {
      // The first pass chooses kernels and is recorded, the others are replayed.
      const auto actual = logits(model, {choice.device, 1, c.precision, c.residual_f32}, 3);
      double worst = 0;
      for (std::size_t i = 0; i < actual.size(); ++i) {
        REQUIRE(std::isfinite(actual[i]));
        worst = std::max(worst, std::abs(double{actual[i]} - double{expected[i]}));
      }
      INFO(named.name, ", precision ", static_cast<int>(c.precision), ", residual f32 ",
           c.residual_f32, ", worst ", worst, " of ", largest);
      CHECK(worst <= c.limit * double{largest});
    }
  }
}
