// Pixels as JPEGs: near the pixels, never more bytes, and nothing but JPEGs of the shape is taken.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "engine/codec/jpeg_pixels.h"
#include "engine/control/pixel_points.h"
#include "engine/image/formats/jpeg_write.h"
#include "ops/base/error.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using Bytes = std::vector<std::byte>;

// Smooth, with colours of their own.
Bytes picture(PixelShape shape) {
  Bytes pixels;
  for (std::size_t i = 0; i < shape.images; ++i)
    for (std::size_t c = 0; c < shape.channels; ++c)
      for (std::size_t y = 0; y < shape.height; ++y)
        for (std::size_t x = 0; x < shape.width; ++x)
          pixels.push_back(static_cast<std::byte>(
              128 + 60 * std::sin(0.11 * static_cast<double>(x + 20 * c + 7 * i)) +
              40 * std::cos(0.07 * static_cast<double>(y) * static_cast<double>(c + 1))));
  return pixels;
}

double worst(const Bytes& one, const Bytes& other) {
  int worst = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    worst =
        std::max(worst, std::abs(std::to_integer<int>(one[i]) - std::to_integer<int>(other[i])));
  return worst;
}

TEST_CASE("planes of every channel and image come back nearly as they were") {
  for (const PixelShape shape :
       {PixelShape{1, 3, 224, 224}, PixelShape{3, 3, 61, 90}, PixelShape{2, 1, 96, 64}}) {
    const Bytes pixels = picture(shape), plain = coded_pixels(pixels);
    const Bytes coded = jpeg_pixels(pixels, shape, 95);
    REQUIRE(is_jpeg_pixels(coded));
    CHECK(coded[1] == std::byte{95});
    CHECK(coded.size() < plain.size() / 3);
    const Bytes back = decoded_jpeg_pixels(coded, shape);
    REQUIRE(back.size() == plain.size());
    CHECK(read_coded_header(back) == CodecSpec{CodecId::pixels, 8});
    CHECK(worst(back, plain) <= 8);
    CHECK(jpeg_pixels(pixels, shape, 50).size() < coded.size());
  }
}

TEST_CASE("colours are kept at full resolution") {
  // Red and green columns: at half the resolution of colours they would become one brown.
  const PixelShape shape{1, 3, 64, 64};
  Bytes pixels(shape.count());
  for (std::size_t i = 0; i < 64 * 64; ++i) pixels[(i % 2) * 64 * 64 + i] = std::byte{200};
  const Bytes back = decoded_jpeg_pixels(jpeg_pixels(pixels, shape, 95), shape);
  CHECK(worst(back, coded_pixels(pixels)) < 30);
}

TEST_CASE("noise and tiny pictures are sent as they are") {
  std::mt19937 random(3);
  Bytes noise(3 * 40 * 40);
  for (std::byte& pixel : noise) pixel = static_cast<std::byte>(random());
  CHECK(jpeg_pixels(noise, {1, 3, 40, 40}, 100) == coded_pixels(noise));
  const Bytes tiny = picture({2, 1, 5, 4});
  CHECK(jpeg_pixels(tiny, {2, 1, 5, 4}, 50) == coded_pixels(tiny));
}

TEST_CASE("anything but JPEGs of the shape is refused") {
  const PixelShape shape{2, 3, 48, 56};
  const Bytes good = jpeg_pixels(picture(shape), shape, 80);
  REQUIRE(is_jpeg_pixels(good));
  decoded_jpeg_pixels(good, shape);
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
    const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(bytes));
    CHECK_THROWS_AS(decoded_jpeg_pixels(cut, shape), Error);
  }
  const auto refused = [&](std::size_t at, int value) {
    Bytes bad = good;
    bad.at(at) = static_cast<std::byte>(value);
    CHECK_THROWS_AS(decoded_jpeg_pixels(bad, shape), Error);
  };
  refused(0, 8);
  refused(1, 0);
  refused(1, 101);
  refused(2, 1);
  refused(3, 1);
  refused(7, 255);
  refused(11, 255);
  Bytes longer = good;
  longer.push_back(std::byte{0});
  CHECK_THROWS_AS(decoded_jpeg_pixels(longer, shape), Error);
  for (const PixelShape other :
       {PixelShape{2, 3, 56, 48}, PixelShape{2, 3, 48, 57}, PixelShape{1, 3, 48, 56},
        PixelShape{3, 3, 48, 56}, PixelShape{2, 1, 48, 56}, PixelShape{2, 4, 48, 56}})
    CHECK_THROWS_AS(decoded_jpeg_pixels(good, other), Error);
  // To other readers they are no codec of a link.
  CHECK_THROWS_AS(read_coded_header(good), Error);
  CHECK_FALSE(codec_valid({CodecId::jpeg, 80}));
}

TEST_CASE("points of the head's link: from the finest on fewer bytes and no better answers") {
  const auto points = pixel_points();
  REQUIRE(points.size() > 3);
  CHECK(points[0].codec == CodecSpec{CodecId::pixels, 8});
  CHECK(points[1].codec == CodecSpec{CodecId::packed_pixels, 8});
  for (std::size_t i = 1; i < points.size(); ++i) {
    CHECK(points[i].share < points[i - 1].share);
    CHECK(points[i].agreement <= points[i - 1].agreement);
    CHECK(pixel_point(points[i].codec).agreement == points[i].agreement);
  }
  CHECK(pixel_point({CodecId::jpeg, 93}).agreement == pixel_point({CodecId::jpeg, 90}).agreement);
  CHECK(pixel_point({CodecId::jpeg, 5}).agreement == 0);
  CHECK(parse_pixel_codec("jpeg", 85) == CodecSpec{CodecId::jpeg, 85});
  CHECK(parse_pixel_codec("pixels-lossless", 0).id == CodecId::packed_pixels);
  CHECK(codec_text({CodecId::jpeg, 85}) == "jpeg 85");
  CHECK(codec_text({CodecId::packed_pixels, 8}) == "pixels-lossless");
  for (const auto& [name, quality] :
       {std::pair{"jpeg", 0}, {"jpeg", 101}, {"pixels", 5}, {"png", 0}, {"ptq", 4}})
    CHECK_THROWS_AS(parse_pixel_codec(name, quality), Error);
}

}  // namespace
}  // namespace quantring
