// A stage between its codecs, several micro-batches in flight: on the CPU, and on a GPU if there is
// one.

#include "engine/stage/stage_runner.h"

#include <doctest/doctest.h>

#include <cmath>
#include <span>

#include "engine/model/random_model.h"
#include "ops/base/error.h"
#include "ops/device.h"
#include "tests/engine/model/architectures.h"
#include "tests/support/temp_folder.h"

using namespace quantring;

namespace {

constexpr int max_images = 3;

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

using Bytes = std::vector<std::byte>;

// A coded tensor and how many images are in it.
struct Frame {
  Bytes coded;
  std::uint32_t images = 0;
  TensorShape shape;  // of results
};

// Pixels of `images` pictures; different for each seed.
Frame pixels(const Architecture& a, std::uint32_t images, std::uint32_t seed) {
  Bytes values(std::size_t{images} * static_cast<std::size_t>(a.channels) *
               static_cast<std::size_t>(a.image_height * a.image_width));
  std::uint32_t state = seed;
  for (auto& pixel : values)
    pixel = static_cast<std::byte>((state = state * 1664525u + 1013904223u) >> 24);
  return {coded_pixels(values), images, {}};
}

// A runner whose output codec can be set.
struct Runner {
  Runner(Context& context, const ModelFile& model, StageRange range)
      : runner(context, model, range, max_images, [this](std::uint32_t images) {
          CHECK(images >= 1);
          ++choices;
          return codec;
        }) {}
  void submit(const Frame& in) { runner.submit(in.coded, in.images); }
  Frame collect() {
    Frame out;
    out.shape = runner.collect(out.coded);
    out.images = out.shape.images;
    return out;
  }
  Frame one(const Frame& in, CodecSpec output) {
    codec = output;
    submit(in);
    return collect();
  }

  CodecSpec codec;
  int choices = 0;
  StageRunner runner;
};

std::vector<float> values(const Frame& frame) {
  std::vector<float> result(frame.shape.elements());
  decode(frame.coded, frame.shape, result);
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
std::vector<float> by_hand(const ModelFile& model, const Frame& in, CodecSpec spec, int cut) {
  const Architecture& a = model.architecture();
  const int images = static_cast<int>(in.images);
  Context context(1);
  Stage first(context, model, {0, cut}, images),
      second(context, model, {cut, a.half_blocks()}, images);
  const ConstTensor stream = first.forward_pixels(
      {in.coded.data() + 4, DType::u8, {images, a.channels, a.image_height, a.image_width}});
  const auto elements = static_cast<std::size_t>(stream.shape.elements());
  const TensorShape shape{in.images, static_cast<std::uint32_t>(a.tokens()),
                          static_cast<std::uint32_t>(a.dim)};
  Bytes coded;
  encode({stream.f32(), elements}, shape, spec, coded);
  decode(coded, shape, {second.residual(images).f32(), elements});
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
    Runner first(context, model, {0, cut});
    Runner second(context, model, {cut, made.architecture.half_blocks()});
    for (const CodecSpec spec : {CodecSpec{CodecId::raw32, 32}, CodecSpec{CodecId::raw16, 16},
                                 CodecSpec{CodecId::ptq, 8}, CodecSpec{CodecId::ptq, 5},
                                 CodecSpec{CodecId::ds_aciq_plus, 8}, CodecSpec{CodecId::tah, 4}}) {
      for (const std::uint32_t images : {1u, 3u}) {
        const Frame in = pixels(made.architecture, images, 7);
        const Frame stream = first.one(in, spec);
        CHECK(read_coded_header(stream.coded) == spec);
        CHECK(stream.images == images);
        if (spec.id == CodecId::tah) {
          CHECK(stream.coded.size() <
                max_bytes(spec, stream.shape));  // no tile's pivot is sent in vain
        } else {
          CHECK(stream.coded.size() == max_bytes(spec, stream.shape));
        }
        const Frame logits = second.one(stream, spec);
        CHECK(read_coded_header(logits.coded) == CodecSpec{CodecId::raw32, 32});
        const double error = relative_error(values(logits), by_hand(model, in, spec, cut));
        CAPTURE(codec_text(spec));
        if (options.device.kind == Device::Kind::cpu) {
          CHECK(error == 0);
        } else {
          // A code of few bits may fall to the other side of a step.
          const bool coarse = has_widths(spec.id);
          CHECK(error < (options.precision == Precision::f32 && !coarse ? 1e-3 : 5e-2));
        }
      }
    }
    CHECK(first.choices == 12);
    CHECK(second.choices == 0);  // logits are always raw32
  }
}

TEST_CASE(
    "The CPU chooses the codec of a result when it is collected, a GPU when it is submitted") {
  const Model made;
  const ModelFile model(made.folder / "model.safetensors");
  constexpr CodecSpec at_submit{CodecId::ptq, 8}, at_collect{CodecId::ptq, 3};
  for (const ContextOptions& options : devices()) {
    Context context(options);
    Runner runner(context, model, {0, 3});
    runner.codec = at_submit;
    runner.submit(pixels(made.architecture, 2, 5));
    runner.codec = at_collect;
    const Frame out = runner.collect();
    const bool cpu = options.device.kind == Device::Kind::cpu;
    CHECK(read_coded_header(out.coded) == (cpu ? at_collect : at_submit));
  }
}

TEST_CASE("Micro-batches in flight at once come out in order, each as if it were alone") {
  const Model made;
  const ModelFile model(made.folder / "model.safetensors");
  constexpr CodecSpec spec{CodecId::ptq, 6};
  for (const ContextOptions& options : devices()) {
    Context context(options);
    Runner runner(context, model, {0, 3});
    const int depth = runner.runner.depth();
    CHECK((depth == 1) == (options.device.kind == Device::Kind::cpu));
    std::vector<Frame> in, alone;
    for (std::uint32_t i = 0; i < 12; ++i) {
      in.push_back(pixels(made.architecture, 1 + i % max_images, 100 + i));
      alone.push_back(runner.one(in.back(), spec));
      if (i > 0) CHECK(alone[i].coded != alone[i - 1].coded);
    }
    std::size_t submitted = 0, collected = 0;
    while (collected < in.size()) {
      while (submitted < in.size() && runner.runner.pending() < depth)
        runner.submit(in[submitted++]);
      if (runner.runner.pending() == depth)
        CHECK_THROWS_AS(runner.submit(in.front()), std::logic_error);
      CHECK(runner.collect().coded == alone[collected++].coded);
    }
    CHECK(runner.runner.pending() == 0);
    CHECK_THROWS_AS(runner.collect(), std::logic_error);
  }
}

TEST_CASE("A runner refuses frames that are not for its stage, and goes on") {
  const Model made;
  const ModelFile model(made.folder / "model.safetensors");
  constexpr CodecSpec spec{CodecId::raw32, 32};
  for (const ContextOptions& options : devices()) {
    Context context(options);
    Runner first(context, model, {0, 2}), second(context, model, {2, 4});
    const Frame good = pixels(made.architecture, 2, 1);
    const Frame stream = first.one(good, spec);
    CHECK_THROWS_WITH_AS(first.submit(pixels(made.architecture, max_images + 1, 1)),
                         doctest::Contains("holds 4 images"), Error);
    CHECK_THROWS_WITH_AS(first.submit(Frame{good.coded, 0, {}}), doctest::Contains("holds 0"),
                         Error);
    CHECK_THROWS_WITH_AS(first.submit(stream), doctest::Contains("this frame has none"), Error);
    CHECK_THROWS_WITH_AS(second.submit(good), doctest::Contains("this frame has pixels"), Error);
    CHECK_THROWS_AS(first.submit(Frame{good.coded, 1, {}}), Error);
    CHECK_THROWS_AS(second.submit(Frame{stream.coded, 3, {}}), Error);
    CHECK_THROWS_AS(second.submit(Frame{{}, 2, {}}), Error);
    Frame bad = stream;
    bad.coded.pop_back();
    CHECK_THROWS_AS(second.submit(bad), Error);
    bad.coded.assign(max_bytes({CodecId::ptq, 8}, stream.shape), std::byte{0xff});
    write_coded_header({CodecId::ptq, 8}, std::span(bad.coded).first<coded_header_bytes>());
    CHECK_THROWS_WITH_AS(second.submit(bad), doctest::Contains("must be finite"), Error);
    CHECK(first.runner.pending() == 0);
    CHECK(second.runner.pending() == 0);
    CHECK(first.one(good, spec).coded == stream.coded);
    CHECK(second.one(stream, spec).shape == stream.shape);
  }
}
