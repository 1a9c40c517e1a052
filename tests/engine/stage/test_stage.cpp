// The forward pass of every kind of ViT, against a slow reference in double; cuts; parts.

#include "engine/stage/stage.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>

#include "engine/model/random_model.h"
#include "ops/base/error.h"
#include "tests/engine/model/architectures.h"
#include "tests/engine/stage/reference_forward.h"
#include "tests/support/temp_folder.h"

using namespace quantring;

namespace {

constexpr int images = 3;

std::size_t pixels_per_image(const Architecture& a) {
  return static_cast<std::size_t>(a.channels * a.image_height * a.image_width);
}

std::vector<std::uint8_t> random_pixels(const Architecture& a) {
  std::vector<std::uint8_t> pixels(images * pixels_per_image(a));
  std::uint32_t state = 1;
  for (auto& pixel : pixels) {
    pixel = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  }
  return pixels;
}

std::vector<float> copy_of(ConstTensor tensor) {
  return {tensor.f32(), tensor.f32() + tensor.shape.elements()};
}

// The logits of the model cut at these half-blocks, each stage's output being the next one's input.
std::vector<float> run(const ModelFile& model, std::vector<int> cuts, int threads = 1) {
  const Architecture& a = model.architecture();
  const std::vector<std::uint8_t> pixels = random_pixels(a);
  Context context(threads);
  std::vector<float> stream;
  cuts.push_back(a.half_blocks());
  int begin = 0;
  for (const int end : cuts) {
    Stage stage(context, model, {begin, end}, images);
    if (begin == 0) {
      stream = copy_of(stage.forward_pixels(
          {pixels.data(), DType::u8, {images, a.channels, a.image_height, a.image_width}}));
    } else {
      const Tensor residual = stage.residual(images);
      REQUIRE(residual.shape.elements() == std::ssize(stream));
      std::memcpy(residual.data, stream.data(), residual.bytes());
      stream = copy_of(stage.forward_residual(images));
    }
    begin = end;
  }
  REQUIRE(std::ssize(stream) == images * a.classes);
  return stream;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void check_against_reference(const ModelFile& model) {
  const Architecture& a = model.architecture();
  const std::vector<std::uint8_t> pixels = random_pixels(a);
  const std::vector<float> logits = run(model, {});
  const reference::Forward reference(model);
  for (std::size_t image = 0; image < images; ++image) {
    const auto expected = reference.logits(
        std::span(pixels).subspan(image * pixels_per_image(a), pixels_per_image(a)));
    double largest = 0, error = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double actual = static_cast<double>(logits[image * expected.size() + i]);
      REQUIRE(std::isfinite(actual));
      largest = std::max(largest, std::abs(expected[i]));
      error = std::max(error, std::abs(actual - expected[i]));
    }
    INFO("image ", image, ", largest logit ", largest, ", error ", error);
    CHECK(largest > 0.1);
    CHECK(error <= 1e-5 * largest);
  }
}

}  // namespace

TEST_CASE("every architecture matches the reference") {
  const TempFolder folder;
  std::uint32_t seed = 1;
  for (const auto& named : test::all_architectures()) {
    INFO(named.name);
    const Architecture& architecture = named.architecture;
    const std::string path = folder / "model.safetensors";
    write_random_model(path, architecture, StorageType::f32, ++seed);
    check_against_reference(ModelFile(path));
  }
}

TEST_CASE("weights stored in half precision are used as stored, in every architecture") {
  const TempFolder folder;
  for (const auto& named : test::all_architectures()) {
    INFO(named.name);
    const Architecture& architecture = named.architecture;
    const std::string path = folder / "model.safetensors";
    write_random_model(path, architecture, StorageType::f16, 5);
    check_against_reference(ModelFile(path));
  }
}

TEST_CASE("the same bits for any cut of the model and any number of threads") {
  const TempFolder folder;
  for (const auto& named : test::all_architectures()) {
    INFO(named.name);
    const Architecture& architecture = named.architecture;
    const std::string path = folder / "model.safetensors";
    write_random_model(path, architecture, StorageType::f32, 3);
    const ModelFile model(path);
    const std::vector<float> whole = run(model, {});
    std::vector<int> everywhere;
    for (int half = 1; half < architecture.half_blocks(); ++half) {
      INFO("cut at half-block ", half);
      CHECK(same_bits(run(model, {half}), whole));
      everywhere.push_back(half);
    }
    CHECK(same_bits(run(model, everywhere), whole));
    CHECK(same_bits(run(model, {3}, 3), whole));
  }
}

TEST_CASE("a batch of one gives the bits of a larger batch; normalised floats those of bytes") {
  const TempFolder folder;
  const Architecture a = test::all_architectures().back().architecture;
  const std::string path = folder / "model.safetensors";
  write_random_model(path, a, StorageType::f32, 3);
  const ModelFile model(path);
  const std::vector<float> all = run(model, {});
  const std::vector<std::uint8_t> pixels = random_pixels(a);
  std::vector<float> normalised;
  for (const std::uint8_t pixel : pixels) {
    normalised.push_back((static_cast<float>(pixel) / 255.0f - 0.5f) / 0.5f);
  }
  Context context;
  Stage stage(context, model, {0, a.half_blocks()}, 1);
  const Shape shape{1, a.channels, a.image_height, a.image_width};
  for (std::size_t image = 0; image < images; ++image) {
    const std::size_t first = image * pixels_per_image(a);
    const auto place = all.begin() + static_cast<std::ptrdiff_t>(image) * a.classes;
    const std::vector<float> expected(place, place + a.classes);
    CHECK(same_bits(copy_of(stage.forward_pixels({pixels.data() + first, DType::u8, shape})),
                    expected));
    CHECK(same_bits(copy_of(stage.forward_pixels({normalised.data() + first, DType::f32, shape})),
                    expected));
  }
  CHECK_THROWS_AS(stage.residual(2), Error);
}

TEST_CASE("a part of a model computes its blocks and refuses others") {
  const TempFolder folder;
  const Architecture a = test::plain_architecture();
  write_random_model(folder / "whole.safetensors", a, StorageType::f32, 3);
  const ModelFile whole(folder / "whole.safetensors");
  const StageRange blocks{2, 5};  // 1-2.5
  SafetensorsWriter writer(folder / "part.safetensors");
  const auto specs = tensor_specs(a, blocks);
  for (const TensorSpec& spec : specs) writer.declare(spec.name, "F32", spec.shape);
  writer.begin(whole.copied_metadata({}, blocks));
  for (const TensorSpec& spec : specs) writer.write(whole.bytes(spec.name));
  writer.commit();

  const ModelFile part(folder / "part.safetensors");
  Context context;
  for (const StageRange range : {StageRange{2, 5}, StageRange{3, 4}}) {
    std::vector<std::vector<float>> outputs;
    for (const ModelFile* model : {&whole, &part}) {
      Stage stage(context, *model, range, 1);
      const Tensor residual = stage.residual(1);
      for (std::int64_t i = 0; i < residual.shape.elements(); ++i) {
        residual.f32()[i] = static_cast<float>(i % 17) - 8;
      }
      outputs.push_back(copy_of(stage.forward_residual(1)));
    }
    CHECK(same_bits(outputs[0], outputs[1]));
  }
  for (const StageRange range : {StageRange{4, 6}, StageRange{0, 4}, StageRange{0, 6}}) {
    const std::string blocks_text = part_text(range);
    const std::string refusal = fmt::format(
        "'{}' holds only blocks 1-2.5 of its model; this stage needs blocks {}: give the node the "
        "whole model file or the part made with `quantring-weights shard --layers {}`",
        part.path(), blocks_text, blocks_text);
    CHECK_THROWS_WITH_AS(Stage(context, part, range, 1), refusal.c_str(), Error);
  }
  CHECK_THROWS_WITH_AS(Stage(context, whole, {4, 8}, 1),
                       "blocks 2-4 is not a part of a model with 3 blocks", Error);
}
