// Preprocessing: modes, errors, and real photos against Pillow's pixels.
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/image/image_source.h"
#include "engine/image/preprocess.h"
#include "engine/image/preprocess_json.h"
#include "engine/model/model_file.h"
#include "engine/model/safetensors.h"
#include "ops/base/error.h"
#include "tests/engine/codec/patterns.h"
#include "tests/support/golden.h"

namespace quantring {
namespace {

PreprocessConfig imagenet() {
  PreprocessConfig config;
  config.mean = {0.485F, 0.456F, 0.406F};
  config.std = {0.229F, 0.224F, 0.225F};
  return config;
}

PreprocessConfig small(ResizeMode mode, int channels, int height, int width) {
  PreprocessConfig config;
  config.mode = mode;
  config.channels = channels;
  config.crop_height = height;
  config.crop_width = width;
  config.mean.assign(channels, 0.5F);
  config.std.assign(channels, 0.5F);
  return config;
}

std::string error_of(const Image& image, const PreprocessConfig& config, std::size_t size) {
  std::vector<std::uint8_t> pixels(size);
  try {
    to_pixels(image, config, pixels);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("without resizing the picture is only rearranged into planes") {
  const Image image = draw("noise", 5, 4, 3);
  const auto config = small(ResizeMode::none, 3, 4, 5);
  std::vector<std::uint8_t> pixels(config.pixel_count());
  to_pixels(image, config, pixels);
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < 20; ++i) CHECK(pixels[c * 20 + i] == image.pixels[i * 3 + c]);
}

TEST_CASE("without resizing another size is refused, naming both") {
  const std::string text = error_of(draw("noise", 6, 4, 3), small(ResizeMode::none, 3, 4, 5), 60);
  CHECK(text.find("6 x 4") != std::string::npos);
  CHECK(text.find("5 x 4") != std::string::npos);
}

TEST_CASE("the crop's offset is rounded half to even, as Python's round does, or down") {
  // One row of 0, 1, 2, .. cropped to 2: offsets of 0.5 -> 0, 1.5 -> 2 or 1, 2.5 -> 2.
  struct Case {
    int width, to_even, down;
  };
  for (const Case& c : {Case{3, 0, 0}, {5, 2, 1}, {7, 2, 2}, {6, 2, 2}, {9, 4, 3}}) {
    Image image{.width = c.width, .height = 1, .channels = 1, .pixels = {}};
    for (int x = 0; x < c.width; ++x) image.pixels.push_back(static_cast<std::uint8_t>(x));
    auto config = small(ResizeMode::shorter, 1, 1, 2);
    config.resize_shorter = 1;
    for (const auto rounding : {CropRounding::half_to_even, CropRounding::down}) {
      config.crop_rounding = rounding;
      const int offset = rounding == CropRounding::down ? c.down : c.to_even;
      std::vector<std::uint8_t> pixels(2);
      to_pixels(image, config, pixels);
      CAPTURE(image.width);
      CHECK(pixels[0] == offset);
      CHECK(pixels[1] == offset + 1);
    }
  }
}

TEST_CASE("a picture smaller than the crop is surrounded with zeros") {
  const Image image{.width = 2, .height = 2, .channels = 1, .pixels = {1, 2, 3, 4}};
  auto config = small(ResizeMode::shorter, 1, 5, 4);
  config.resize_shorter = 2;
  std::vector<std::uint8_t> pixels(20, 99);
  to_pixels(image, config, pixels);
  CHECK(pixels == std::vector<std::uint8_t>{0, 0, 0, 0,  //
                                            0, 1, 2, 0,  //
                                            0, 3, 4, 0,  //
                                            0, 0, 0, 0,  //
                                            0, 0, 0, 0});
}

TEST_CASE("squash_crop takes the middle of what squash makes of a picture") {
  const Image image = draw("noise", 30, 17, 3);
  auto config = small(ResizeMode::squash_crop, 3, 6, 8);
  config.squash_height = 10;
  config.squash_width = 14;
  std::vector<std::uint8_t> pixels(config.pixel_count());
  to_pixels(image, config, pixels);
  const Image squashed = resize(image, 14, 10, Interpolation::bicubic);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 6; ++y)
      for (int x = 0; x < 8; ++x)
        REQUIRE(pixels[(c * 6 + y) * 8 + x] == squashed.pixels[((y + 2) * 14 + x + 3) * 3 + c]);
}

TEST_CASE("the JSON of a config reads back, and has squash only where it is used") {
  auto config = small(ResizeMode::squash, 3, 6, 8);
  // This text is part of the identity of models that people have.
  CHECK(preprocess_to_json(config) ==
        R"({"resize":"squash","shorter":256,"interpolation":"bicubic","channels":3,)"
        R"("crop":[6,8],"mean":["0.5","0.5","0.5"],"std":["0.5","0.5","0.5"]})");
  CHECK(preprocess_from_json(preprocess_to_json(config)) == config);
  config.mode = ResizeMode::squash_crop;
  config.squash_height = 10;
  config.squash_width = 14;
  CHECK(preprocess_from_json(preprocess_to_json(config)) == config);
  std::string text = preprocess_to_json(config);
  text.replace(text.find("[10,14]"), 7, "[10,0]");
  CHECK_THROWS_AS(preprocess_from_json(text), Error);
  text.replace(text.find("[10,0]"), 6, "[10]");
  CHECK_THROWS_AS(preprocess_from_json(text), Error);
}

TEST_CASE("the JSON of a config has the crop's rounding only where it is not the usual one") {
  auto config = small(ResizeMode::shorter, 3, 6, 8);
  CHECK(preprocess_to_json(config).find("rounding") == std::string::npos);
  config.crop_rounding = CropRounding::down;
  std::string text = preprocess_to_json(config);
  CHECK(text.find(R"("crop_rounding":"down")") != std::string::npos);
  CHECK(preprocess_from_json(text) == config);
  for (const auto* const wrong : {"\"up\"", "3", "null"}) {
    std::string changed = text;
    changed.replace(changed.find("\"down\""), 6, wrong);
    CHECK_THROWS_AS(preprocess_from_json(changed), Error);
  }
}

TEST_CASE("a model file that rounds down has the format that older builds refuse") {
  const auto format = [](const PreprocessConfig& config) {
    const Architecture a;
    return model_metadata(a, config, {}, {}, StageRange{0, a.half_blocks()}).at("quantring.format");
  };
  auto config = small(ResizeMode::shorter, 3, 6, 8);
  CHECK(format(config) == "1");
  config.crop_rounding = CropRounding::down;
  CHECK(format(config) == "2");
}

TEST_CASE("wrong channels, wrong output sizes and extreme ratios are refused") {
  const auto config = small(ResizeMode::squash, 3, 4, 4);
  CHECK(error_of(draw("noise", 4, 4, 1), config, 48) ==
        "the picture has 1 channels, the model takes 3");
  CHECK(error_of(draw("noise", 4, 4, 3), config, 47).find("room for 47") != std::string::npos);
  CHECK(error_of(draw("noise", 1000, 1, 3), imagenet(), 3 * 224 * 224).find("1000:1") !=
        std::string::npos);
}

TEST_CASE("a config is checked field by field") {
  CHECK_NOTHROW(check_preprocess(imagenet()));
  const auto refused = [](auto change, const std::string& field) {
    PreprocessConfig config = imagenet();
    change(config);
    try {
      check_preprocess(config);
      FAIL("accepted a wrong " << field);
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find(field) != std::string::npos);
    }
  };
  refused([](auto& c) { c.channels = 2; }, "channels");
  refused([](auto& c) { c.resize_shorter = 0; }, "resize_shorter");
  refused([](auto& c) { c.crop_height = 0; }, "crop_height");
  refused([](auto& c) { c.crop_width = 65536; }, "crop_width");
  refused([](auto& c) { c.crop_width = c.crop_height = 60000; }, "60000 x 60000");
  refused([](auto& c) { c.mode = ResizeMode::squash_crop; }, "squash_height");
  refused([](auto& c) { c.mean.pop_back(); }, "mean");
  refused([](auto& c) { c.std.push_back(1); }, "std");
  refused([](auto& c) { c.std[1] = 0; }, "std");
  refused([](auto& c) { c.mean[2] = std::numeric_limits<float>::quiet_NaN(); }, "mean");
}

TEST_CASE("real photos come out as Pillow's pixels, value for value") {
  const auto golden = test::golden("golden/deit_tiny_golden20.safetensors");
  const auto photos = test::golden("images/imagenet500");
  if (!golden || !photos) return;
  const SafetensorsFile file(*golden);
  const StoredTensor& expected = file.tensors().at("pixels");
  REQUIRE(expected.shape == std::vector<std::int64_t>{20, 3, 224, 224});
  REQUIRE(expected.dtype == "U8");
  const std::vector<std::byte> expected_pixels = file.read(expected);
  const auto source =
      open_source({photos->string()},
                  {.channels = 3, .labels_file = photos->string() + ".csv", .decode = false});
  const PreprocessConfig config = imagenet();
  std::vector<std::uint8_t> pixels(config.pixel_count());
  int pictures = 0;
  for (SourceItem item; source->next(item);) {
    if (item.label % 50 != 0) continue;  // the golden file has every 25th photo
    to_pixels(decode_image(item.file, 3, item.name), config, pixels);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < pixels.size(); ++i)
      wrong += static_cast<std::uint8_t>(expected_pixels[item.label / 50 * pixels.size() + i]) !=
               pixels[i];
    CAPTURE(item.name);
    CHECK(wrong == 0);
    ++pictures;
  }
  CHECK(pictures == 20);
}

}  // namespace
}  // namespace quantring
