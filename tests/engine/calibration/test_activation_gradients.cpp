// Gradients of every kind of ViT against differences of a slow forward pass in double.

#include "engine/calibration/activation_gradients.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <stdexcept>

#include "engine/calibration/label_draw.h"
#include "engine/model/model_writer.h"
#include "engine/model/random_model.h"
#include "engine/stage/stage.h"
#include "ops/base/error.h"
#include "tests/engine/model/architectures.h"
#include "tests/engine/stage/reference_forward.h"
#include "tests/support/temp_folder.h"

using namespace quantring;

namespace {

constexpr std::uint64_t seed = 17;

struct Cut {
  std::vector<float> x, g;
};
using Cuts = std::map<int, Cut>;

std::size_t pixels_per_image(const Architecture& a) {
  return static_cast<std::size_t>(a.channels * a.image_height * a.image_width);
}

std::vector<std::byte> random_pixels(const Architecture& a, int images) {
  std::vector<std::byte> pixels(static_cast<std::size_t>(images) * pixels_per_image(a));
  std::mt19937 random(3);
  for (std::byte& pixel : pixels) pixel = static_cast<std::byte>(random() & 255);
  return pixels;
}

// All cuts of all pictures, computed in batches of this size.
Cuts gradients(const ModelFile& model, std::span<const std::byte> pixels, int batch,
               int threads = 1) {
  Context context(threads);
  ActivationGradients gradients(context, model, batch);
  const std::size_t each = pixels_per_image(model.architecture());
  const int images = static_cast<int>(pixels.size() / each);
  Cuts cuts;
  for (int first = 0; first < images; first += batch) {
    const int count = std::min(batch, images - first);
    int expected = model.architecture().half_blocks() - 1;
    gradients.run(pixels.subspan(static_cast<std::size_t>(first) * each,
                                 static_cast<std::size_t>(count) * each),
                  count, seed + static_cast<std::uint64_t>(first),
                  [&](int cut, std::span<const float> x, std::span<const float> g) {
                    CHECK(cut == expected--);
                    cuts[cut].x.insert(cuts[cut].x.end(), x.begin(), x.end());
                    cuts[cut].g.insert(cuts[cut].g.end(), g.begin(), g.end());
                  });
    CHECK(expected == 0);
  }
  return cuts;
}

std::vector<float> stage_output(const ModelFile& model, int end, std::span<const std::byte> pixels,
                                int images) {
  const Architecture& a = model.architecture();
  Context context;
  Stage stage(context, model, {0, end}, images);
  const ConstTensor result = stage.forward_pixels(
      {pixels.data(), DType::u8, {images, a.channels, a.image_height, a.image_width}});
  return {result.f32(), result.f32() + result.shape.elements()};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double log_probability(const reference::Vector& logits, std::span<const float> labels,
                       bool independent) {
  double sum = 0, result = 0;
  for (const double logit : logits) sum += std::exp(logit);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (independent) {
      result -= std::log1p(std::exp(labels[i] == 1.0f ? -logits[i] : logits[i]));
    } else if (labels[i] == 1.0f) {
      result += logits[i] - std::log(sum);
    }
  }
  return result;
}

// One picture's stream at one cut, and what the reference says of its log p(y).
struct Point {
  const reference::Forward& reference;
  int cut;
  std::span<const float> x, labels;
  std::size_t dim;
  bool independent;

  double log_probability_at(double distance, const std::vector<double>& direction) const {
    reference::Tokens tokens(x.size() / dim, reference::Vector(dim));
    for (std::size_t i = 0; i < x.size(); ++i) {
      tokens[i / dim][i % dim] = static_cast<double>(x[i]) + distance * direction[i];
    }
    return log_probability(reference.logits(std::move(tokens), cut), labels, independent);
  }
  double slope(const std::vector<double>& direction) const {
    constexpr double step = 1e-4;
    return (log_probability_at(step, direction) - log_probability_at(-step, direction)) /
           (2 * step);
  }
};

double dot(std::span<const float> a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < b.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// A random direction of length 1, and that of the gradient itself.
std::vector<std::vector<double>> directions(std::span<const float> g, std::mt19937& random) {
  std::vector<std::vector<double>> result{{g.begin(), g.end()}, {}};
  for (std::size_t i = 0; i < g.size(); ++i) {
    result[1].push_back(static_cast<double>(random()) / 2147483648.0 - 1);
  }
  for (std::vector<double>& direction : result) {
    double square = 0;
    for (const double value : direction) square += value * value;
    for (double& value : direction) value /= std::sqrt(square);
  }
  return result;
}

void check_model(const ModelFile& model, int images) {
  const Architecture& a = model.architecture();
  const std::vector<std::byte> pixels = random_pixels(a, images);
  const Cuts cuts = gradients(model, pixels, images);
  const std::vector<float> logits = stage_output(model, a.half_blocks(), pixels, images);
  const bool independent = model.independent_classes();
  const reference::Forward reference(model);
  const auto classes = static_cast<std::size_t>(a.classes), dim = static_cast<std::size_t>(a.dim);
  const std::size_t each = static_cast<std::size_t>(a.tokens()) * dim;
  std::mt19937 random(5);
  for (const auto& [cut, values] : cuts) {
    INFO("cut ", cut);
    CHECK(same_bits(values.x, stage_output(model, cut, pixels, images)));
    REQUIRE(values.g.size() == values.x.size());
    for (std::size_t image = 0; image < static_cast<std::size_t>(images); ++image) {
      const std::vector<float> labels = draw_labels(
          class_probabilities(std::span(logits).subspan(image * classes, classes), independent),
          independent, seed + image);
      const std::span<const float> x = std::span(values.x).subspan(image * each, each);
      const std::span<const float> g = std::span(values.g).subspan(image * each, each);
      const Point point{reference, cut, x, labels, dim, independent};
      double length = 0;
      for (const float value : g) length += static_cast<double>(value) * static_cast<double>(value);
      length = std::sqrt(length);
      CHECK(length > 1e-3);
      for (const std::vector<double>& direction : directions(g, random)) {
        CHECK(std::abs(point.slope(direction) - dot(g, direction)) <= 5e-6 * length);
      }
    }
  }
}

// The same tensors, with classes that are independent.
void write_independent(const std::string& path, const ModelFile& model) {
  ModelWriter writer(path, model.architecture(), model.preprocess(), {}, StorageType::f32, true);
  for (const TensorSpec& spec : writer.tensors()) {
    const ModelTensor tensor = model.tensor(spec.name);
    writer.write({tensor.f32(), spec.elements()}, spec.name);
  }
  writer.commit();
}

}  // namespace

TEST_CASE("every architecture: the stream is a Stage's, the gradient that of the reference") {
  const TempFolder folder;
  std::uint32_t model_seed = 1;
  for (const auto& named : test::all_architectures()) {
    INFO(named.name);
    const std::string path = folder / "model.safetensors";
    write_random_model(path, named.architecture, StorageType::f32, ++model_seed);
    check_model(ModelFile(path), 2);
  }
}

TEST_CASE("one logit, independent classes, weights in half precision") {
  const TempFolder folder;
  Architecture a = test::plain_architecture();
  write_random_model(folder / "several.safetensors", a, StorageType::f32, 4);
  write_independent(folder / "independent.safetensors", ModelFile(folder / "several.safetensors"));
  const ModelFile independent(folder / "independent.safetensors");
  REQUIRE(independent.independent_classes());
  check_model(independent, 3);
  a.classes = 1;
  write_random_model(folder / "one.safetensors", a, StorageType::f32, 5);
  check_model(ModelFile(folder / "one.safetensors"), 3);
  a = test::all_architectures().back().architecture;
  write_random_model(folder / "half.safetensors", a, StorageType::f16, 6);
  check_model(ModelFile(folder / "half.safetensors"), 1);
}

TEST_CASE("more tokens than are attended to at once") {
  const TempFolder folder;
  Architecture a = test::plain_architecture();
  a.image_height = 36;
  a.image_width = 32;  // 73 tokens
  a.depth = 2;
  a.heads = 2;
  write_random_model(folder / "model.safetensors", a, StorageType::f32, 7);
  check_model(ModelFile(folder / "model.safetensors"), 1);
}

TEST_CASE("the same bits for any batch and number of threads") {
  const TempFolder folder;
  const Architecture a = test::all_architectures().back().architecture;
  write_random_model(folder / "model.safetensors", a, StorageType::f32, 8);
  const ModelFile model(folder / "model.safetensors");
  const std::vector<std::byte> pixels = random_pixels(a, 5);
  const Cuts cuts = gradients(model, pixels, 5);
  for (const auto& [batch, threads] : {std::pair(1, 1), std::pair(3, 1), std::pair(5, 3)}) {
    const Cuts others = gradients(model, pixels, batch, threads);
    for (const auto& [cut, values] : cuts) {
      CHECK(same_bits(values.x, others.at(cut).x));
      CHECK(same_bits(values.g, others.at(cut).g));
    }
  }
}

TEST_CASE("tokens that the head does not read have no gradient behind the last attention") {
  const TempFolder folder;
  const Architecture a = test::plain_architecture();
  write_random_model(folder / "model.safetensors", a, StorageType::f32, 9);
  const Cut last = gradients(ModelFile(folder / "model.safetensors"), random_pixels(a, 1), 1).at(5);
  const auto dim = static_cast<std::ptrdiff_t>(a.dim);
  CHECK(std::vector<float>(last.g.begin() + dim, last.g.end()) ==
        std::vector<float>(last.g.size() - static_cast<std::size_t>(dim)));
}

TEST_CASE("labels are drawn as often as they are probable") {
  const std::vector<float> logits{0.0f, std::log(2.0f), std::log(5.0f), -200.0f};
  constexpr int draws = 20000;
  for (const bool independent : {false, true}) {
    const std::vector<double> probabilities = class_probabilities(logits, independent);
    std::vector<double> counts(4);
    double together = 0;
    for (std::uint64_t i = 0; i < draws; ++i) {
      const std::vector<float> labels = draw_labels(probabilities, independent, i);
      CHECK(labels == draw_labels(probabilities, independent, i));
      for (std::size_t c = 0; c < 4; ++c) counts[c] += static_cast<double>(labels[c]);
      together += labels[1] == 1.0f && labels[2] == 1.0f;
    }
    const std::vector<double> expected = independent
                                             ? std::vector<double>{1 / 2.0, 2 / 3.0, 5 / 6.0, 0}
                                             : std::vector<double>{1 / 8.0, 2 / 8.0, 5 / 8.0, 0};
    for (std::size_t c = 0; c < 4; ++c) {
      CHECK(std::abs(probabilities[c] - expected[c]) <= 1e-6);
      CHECK(std::abs(counts[c] / draws - expected[c]) <= 0.02);
    }
    CHECK(std::abs(together / draws - (independent ? 10 / 18.0 : 0)) <= 0.02);
  }
  // One that is certain, and a sum that rounding left below 1.
  CHECK(draw_labels(class_probabilities(std::vector<float>{900, -900}, false), false, 1) ==
        std::vector<float>{1, 0});
  CHECK(draw_labels(std::vector<double>{0, 1e-300, 0}, false, 1) == std::vector<float>{0, 1, 0});
}

TEST_CASE("pixels of another size and batches that were not asked for are refused") {
  const TempFolder folder;
  const Architecture a = test::plain_architecture();
  write_random_model(folder / "model.safetensors", a, StorageType::f32, 9);
  const ModelFile model(folder / "model.safetensors");
  Context context;
  CHECK_THROWS_AS(ActivationGradients(context, model, 0), Error);
  ActivationGradients gradients(context, model, 2);
  const auto nothing = [](int, std::span<const float>, std::span<const float>) {};
  const std::vector<std::byte> pixels = random_pixels(a, 3);
  CHECK_THROWS_AS(gradients.run(pixels, 3, 0, nothing), std::invalid_argument);
  CHECK_THROWS_AS(gradients.run(pixels, 2, 0, nothing), std::invalid_argument);
  CHECK_THROWS_AS(gradients.run({}, 0, 0, nothing), std::invalid_argument);
}
