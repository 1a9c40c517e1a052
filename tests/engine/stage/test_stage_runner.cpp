// A stage between its codecs, several micro-batches under way: on the CPU, and on a GPU if there is
// one.

#include "engine/stage/stage_runner.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "engine/model/random_model.h"
#include "ops/device.h"
#include "ops/base/error.h"
#include "tests/engine/model/architectures.h"
#include "tests/support/temp_folder.h"

using namespace quantring;

namespace {

constexpr int most_images = 3;

std::vector<ContextOptions> devices() {
  std::vector<ContextOptions> all{ContextOptions{}};
  const Device device = choose_device("auto").device;
  if (device.kind == Device::Kind::cuda) {
    all.push_back({device, 1, Precision::f32, false});
    all.push_back({device, 1, Precision::f16, false});
    all.push_back({device, 1, Precision::bf16, true});
  }
  return all;
}

// Pixels of `images` pictures; different for each seed.
CodedTensor pixels(const Architecture& a, std::uint32_t images, std::uint32_t seed) {
  CodedTensor coded;
  coded.spec = {CodecId::pixels, 8};
  coded.shape = {images, static_cast<std::uint32_t>(a.channels),
                 static_cast<std::uint32_t>(a.image_height * a.image_width)};
  coded.payload.resize(coded.shape.elements());
  std::uint32_t state = seed;
  for (auto& pixel : coded.payload) {
    pixel = static_cast<std::byte>((state = state * 1664525u + 1013904223u) >> 24);
  }
  return coded;
}

CodedTensor one(StageRunner& runner, const CodedTensor& in, CodecSpec output) {
  runner.submit(in, output);
  CodedTensor out;
  runner.collect(out);
  return out;
}

bool same(const CodedTensor& a, const CodedTensor& b) {
  return a.spec == b.spec && a.shape == b.shape && a.scale == b.scale && a.offset == b.offset &&
         a.payload == b.payload;
}

std::vector<float> values(const CodedTensor& coded) {
  std::vector<float> result(coded.shape.elements());
  decode(coded, result);
  return result;
}

double relative_error(const std::vector<float>& actual, const std::vector<float>& expected) {
  REQUIRE(actual.size() == expected.size());
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double difference = double{actual[i]} - double{expected[i]};
    error += difference * difference;
    norm += double{expected[i]} * double{expected[i]};
  }
  return std::sqrt(error / norm);
}

struct Model {
  Model() : architecture(test::plain_architecture()) {
    write_random_model(folder / "model.safetensors", architecture, StorageType::f32, 1);
  }
  TempFolder folder;
  Architecture architecture;
};

// What two stages make of these pixels, by the plain parts: stage, encode, decode, stage.
std::vector<float> by_hand(const ModelFile& model, const CodedTensor& in, CodecSpec spec, int cut) {
  const Architecture& a = model.architecture();
  const int images = static_cast<int>(in.shape.images);
  Context context(1);
  Stage first(context, model, {0, cut}, images),
      second(context, model, {cut, a.half_blocks()}, images);
  const ConstTensor stream = first.forward_pixels(
      {in.payload.data(), DType::u8, {images, a.channels, a.image_height, a.image_width}});
  const auto elements = static_cast<std::size_t>(stream.shape.elements());
  CodedTensor coded;
  encode(
      {stream.f32(), elements},
      {in.shape.images, static_cast<std::uint32_t>(a.tokens()), static_cast<std::uint32_t>(a.dim)},
      spec, coded);
  decode(coded, {second.residual(images).f32(), elements});
  const ConstTensor logits = second.forward_residual(images);
  return {logits.f32(), logits.f32() + logits.shape.elements()};
}

}  // namespace

TEST_CASE("Two runners in a row give what the stages and codecs give by hand") {
  const Model made;
  const ModelFile model(made.folder / "model.safetensors");
  constexpr int cut = 2;
  for (const ContextOptions& options : devices()) {
    Context context(options);
    INFO(device_text(options.device), " precision ", static_cast<int>(options.precision));
    StageRunner first(context, model, {0, cut}, most_images);
    StageRunner second(context, model, {cut, made.architecture.half_blocks()}, most_images);
    for (const CodecSpec spec : {CodecSpec{CodecId::raw32, 32}, CodecSpec{CodecId::raw16, 16},
                                 CodecSpec{CodecId::ptq, 8}, CodecSpec{CodecId::ptq, 5}}) {
      for (const std::uint32_t images : {1u, 3u}) {
        const CodedTensor in = pixels(made.architecture, images, 7);
        const CodedTensor stream = one(first, in, spec);
        CHECK(stream.spec == spec);
        CHECK(stream.payload.size() == payload_bytes(spec, stream.shape));
        const CodedTensor logits = one(second, stream, spec);
        CHECK(logits.spec == CodecSpec{CodecId::raw32, 32});
        const double error = relative_error(values(logits), by_hand(model, in, spec, cut));
        CAPTURE(codec_text(spec));
        if (options.device.kind == Device::Kind::cpu) {
          CHECK(error == 0);
        } else {
          // A code of few bits may fall to the other side of a step.
          const bool coarse = spec.id == CodecId::ptq;
          CHECK(error < (options.precision == Precision::f32 && !coarse ? 1e-3 : 5e-2));
        }
      }
    }
  }
}

TEST_CASE("Micro-batches under way at once come out in order, each as if it were alone") {
  const Model made;
  const ModelFile model(made.folder / "model.safetensors");
  constexpr CodecSpec spec{CodecId::ptq, 6};
  for (const ContextOptions& options : devices()) {
    Context context(options);
    StageRunner runner(context, model, {0, 3}, most_images);
    CHECK((runner.depth() == 1) == (options.device.kind == Device::Kind::cpu));
    std::vector<CodedTensor> in, alone;
    for (std::uint32_t i = 0; i < 12; ++i) {
      in.push_back(pixels(made.architecture, 1 + i % most_images, 100 + i));
      alone.push_back(one(runner, in.back(), spec));
    }
    std::size_t submitted = 0, collected = 0;
    CodedTensor out;
    while (collected < in.size()) {
      while (submitted < in.size() && runner.pending() < runner.depth()) {
        runner.submit(in[submitted++], spec);
      }
      runner.collect(out);
      CHECK(same(out, alone[collected++]));
    }
    CHECK(runner.pending() == 0);
    CHECK_THROWS_AS(runner.collect(out), std::logic_error);
  }
}

TEST_CASE("A runner refuses frames that are not for its stage, and goes on") {
  const Model made;
  const ModelFile model(made.folder / "model.safetensors");
  constexpr CodecSpec spec{CodecId::raw32, 32};
  for (const ContextOptions& options : devices()) {
    Context context(options);
    StageRunner first(context, model, {0, 2}, most_images),
        second(context, model, {2, 4}, most_images);
    const CodedTensor good = pixels(made.architecture, 2, 1);
    const CodedTensor stream = one(first, good, spec);
    CHECK_THROWS_WITH_AS(first.submit(pixels(made.architecture, most_images + 1, 1), spec),
                         doctest::Contains("holds 4 images"), Error);
    CHECK_THROWS_AS(first.submit(stream, spec), Error);
    CHECK_THROWS_AS(second.submit(good, spec), Error);
    CodedTensor cut_off = stream;
    cut_off.payload.pop_back();
    CHECK_THROWS_AS(second.submit(cut_off, spec), Error);
    CodedTensor not_finite = stream;
    not_finite.spec = {CodecId::ptq, 8};
    not_finite.payload.resize(payload_bytes(not_finite.spec, not_finite.shape));
    std::memset(not_finite.payload.data(), 0xff, not_finite.payload.size());
    CHECK_THROWS_AS(second.submit(not_finite, spec), Error);
    CHECK(first.pending() == 0);
    CHECK(same(one(first, good, spec), stream));
    CHECK(one(second, stream, spec).shape == stream.shape);
  }
}
