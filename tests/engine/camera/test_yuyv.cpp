// YUYV against BT.601 in double.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "engine/camera/v4l2/yuyv.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using Bytes = std::vector<std::byte>;

// ITU-R BT.601: kr = 0.299, kb = 0.114; Y in 16..235, U and V in 16..240.
std::vector<double> reference(int luma, int u, int v) {
  const double kr = 0.299, kb = 0.114, kg = 1 - kr - kb;
  const double y = (luma - 16) / 219.0, b = (u - 128) / 224.0, r = (v - 128) / 224.0;
  const double red = y + 2 * (1 - kr) * r, blue = y + 2 * (1 - kb) * b;
  const double green = (y - kr * red - kb * blue) / kg;
  std::vector<double> rgb;
  for (const double value : {red, green, blue}) rgb.push_back(std::clamp(255 * value, 0.0, 255.0));
  return rgb;
}

TEST_CASE("colours equal BT.601 for all Y and a grid of U and V") {
  double farthest = 0;
  for (int u = 0; u < 256; u += 3) {
    Bytes bytes;
    for (int v = 0; v < 256; v += 3) {
      for (int y = 0; y < 256; y += 2)
        for (const int value : {y, u, y + 1, v}) bytes.push_back(std::byte(value));
    }
    const int height = static_cast<int>(bytes.size() / 512);
    const Image image = image_from_yuyv(bytes, 256, height, 512, 3);
    REQUIRE(image.pixels.size() == static_cast<std::size_t>(256) * height * 3);
    for (int row = 0; row < height; ++row) {
      for (int y = 0; y < 256; ++y) {
        const std::vector<double> expected = reference(y, u, 3 * row);
        for (int c = 0; c < 3; ++c)
          farthest =
              std::max(farthest, std::abs(image.pixels[(row * 256 + y) * 3 + c] - expected[c]));
      }
    }
  }
  CHECK(farthest <= 0.51);  // rounding, and 16 bits of fraction
}

TEST_CASE("grey is the luma in full range") {
  Bytes bytes;
  for (int y = 0; y < 256; ++y)
    for (const int value : {y, (y & 1) != 0 ? 255 : 0}) bytes.push_back(std::byte(value));
  const Image image = image_from_yuyv(bytes, 256, 1, 512, 1);
  CHECK(image.channels == 1);
  for (int y = 0; y < 256; ++y)
    CHECK(std::abs(image.pixels[y] - std::clamp((y - 16) * 255 / 219.0, 0.0, 255.0)) <= 0.51);
}

TEST_CASE("inconsistent sizes are refused") {
  const Bytes bytes(100);
  CHECK(image_from_yuyv(bytes, 10, 5, 20, 3).height == 5);
  CHECK(image_from_yuyv(bytes, 10, 4, 25, 3).height == 4);  // 3 * 25 + 20 = 95
  CHECK_THROWS_AS(image_from_yuyv(bytes, 10, 6, 20, 3), Error);
  CHECK_THROWS_AS(image_from_yuyv(bytes, 10, 4, 27, 3), Error);  // 101
  CHECK_THROWS_AS(image_from_yuyv(bytes, 10, 5, 19, 3), Error);
  CHECK_THROWS_AS(image_from_yuyv(bytes, 9, 1, 20, 3), Error);
  CHECK_THROWS_AS(image_from_yuyv(bytes, 0, 1, 20, 3), Error);
  CHECK_THROWS_AS(image_from_yuyv(bytes, 10, 0, 20, 3), Error);
  CHECK_THROWS_AS(image_from_yuyv(bytes, 10, -1, 20, 3), Error);
  CHECK_THROWS_AS(image_from_yuyv(bytes, 10, 1, 20, 2), Error);
  CHECK_THROWS_AS(image_from_yuyv(bytes, 10, 2, std::size_t{0} - 1, 3), Error);
  CHECK_THROWS_AS(image_from_yuyv({}, 2, 1, 4, 3), Error);
}

}  // namespace
}  // namespace quantring
