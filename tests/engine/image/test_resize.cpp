// Resize and crop against Pillow's own results (fixtures/make_resize_fixtures.py).
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <zlib.h>

#include "engine/image/preprocess.h"
#include "engine/image/resize.h"
#include "ops/base/error.h"
#include "tests/engine/codec/patterns.h"
#include "tests/support/paths.h"

namespace quantring {
namespace {

TEST_CASE("resize and crop equal Pillow, value for value") {
  std::ifstream file(quantring::test::source_path("tests/engine/fixtures/resize.txt"));
  std::set<std::uint32_t> checksums;
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    std::istringstream fields(line);
    std::string pattern, mode, filter;
    int width = 0, height = 0;
    std::uint32_t checksum = 0;
    PreprocessConfig config;
    fields >> pattern >> width >> height >> config.channels >> mode >> filter >>
        config.resize_shorter >> config.crop_height >> config.crop_width >> checksum;
    config.mode = mode == "squash" ? ResizeMode::squash : ResizeMode::shorter;
    config.interpolation = filter == "bicubic" ? Interpolation::bicubic : Interpolation::bilinear;
    std::vector<std::uint8_t> pixels(config.pixel_count());
    to_pixels(draw(pattern, width, height, config.channels), config, pixels);

    CAPTURE(line.substr(0, 70));
    std::size_t wrong = 0;
    int farthest = 0, sample = 0;
    for (std::size_t i = 0; fields >> sample; ++i) {
      const int difference = std::abs(sample - pixels[i * (pixels.size() - 1) / 63]);
      wrong += difference != 0;
      farthest = std::max(farthest, difference);
    }
    CHECK(wrong == 0);
    CHECK(farthest == 0);
    CHECK(crc32(0, pixels.data(), static_cast<unsigned>(pixels.size())) == checksum);
    checksums.insert(checksum);
  }
  CHECK(cases == 96);
  CHECK(checksums.size() > 80);  // the fixtures vary
}

TEST_CASE("the same size gives the same picture") {
  const Image image = draw("noise", 17, 11, 3);
  CHECK(resize(image, 17, 11, Interpolation::bicubic).pixels == image.pixels);
}

TEST_CASE("a constant picture stays constant, weights summing to one") {
  Image image = draw("noise", 97, 61, 1);
  for (const int level : {0, 1, 127, 254, 255}) {
    std::fill(image.pixels.begin(), image.pixels.end(), static_cast<std::uint8_t>(level));
    const Image small = resize(image, 13, 29, Interpolation::bicubic);
    CHECK(std::count(small.pixels.begin(), small.pixels.end(), level) == 13 * 29);
  }
}

TEST_CASE("impossible sizes are refused") {
  const Image image = draw("noise", 4, 4, 3);
  const auto bicubic = Interpolation::bicubic;
  CHECK_THROWS_AS(resize(image, 0, 4, bicubic), Error);
  CHECK_THROWS_AS(resize(image, 4, -1, bicubic), Error);
  CHECK_THROWS_AS(resize(image, 65536, 1, bicubic), Error);
  CHECK_THROWS_AS(resize(image, 65535, 65535, bicubic), Error);
  Image lying = image;
  lying.pixels.pop_back();
  CHECK_THROWS_AS(resize(lying, 2, 2, bicubic), Error);
  lying = image;
  lying.channels = 4;
  CHECK_THROWS_AS(resize(lying, 2, 2, bicubic), Error);
  CHECK_THROWS_AS(resize(Image{}, 2, 2, bicubic), Error);
}

}  // namespace
}  // namespace quantring
