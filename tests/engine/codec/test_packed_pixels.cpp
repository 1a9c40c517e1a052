// Pixels without loss in fewer bytes.
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "engine/codec/packed_pixels.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using Bytes = std::vector<std::byte>;

// A smooth picture with some grain, like a photo; noise: nothing to predict.
Bytes picture(PixelShape shape, bool noise) {
  std::mt19937 random(7);
  Bytes pixels;
  for (std::size_t i = 0; i < shape.images; ++i)
    for (std::size_t c = 0; c < shape.channels; ++c)
      for (std::size_t y = 0; y < shape.height; ++y)
        for (std::size_t x = 0; x < shape.width; ++x) {
          const auto grain = static_cast<std::size_t>(random() % (noise ? 256 : 6));
          pixels.push_back(
              static_cast<std::byte>((noise ? 0 : 40 * c + 3 * x + y + 90 * i) + grain));
        }
  return pixels;
}

TEST_CASE("packed pixels come back to the bit, whatever the shape, and never take more bytes") {
  for (const PixelShape shape :
       {PixelShape{1, 3, 224, 224}, PixelShape{3, 3, 17, 5}, PixelShape{2, 1, 28, 28},
        PixelShape{1, 4, 9, 31}, PixelShape{1, 1, 1, 1}, PixelShape{1, 3, 1, 40},
        PixelShape{2, 3, 40, 1}}) {
    for (const bool noise : {false, true}) {
      CAPTURE(shape.count());
      CAPTURE(noise);
      const Bytes pixels = picture(shape, noise);
      const Bytes plain = coded_pixels(pixels), packed = packed_pixels(pixels, shape);
      CHECK(packed.size() <= plain.size());
      if (is_packed_pixels(packed)) CHECK(unpacked_pixels(packed, shape) == plain);
      if (!is_packed_pixels(packed)) CHECK(packed == plain);
      if (shape.count() > 1000) CHECK(is_packed_pixels(packed) == !noise);
      if (shape.count() > 1000 && !noise) CHECK(packed.size() < plain.size() / 2);
    }
  }
}

TEST_CASE("damaged packed pixels are refused") {
  const PixelShape shape{1, 3, 16, 16};
  const Bytes good = packed_pixels(picture(shape, false), shape);
  REQUIRE(is_packed_pixels(good));
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
    const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(bytes));
    CHECK_THROWS_AS(unpacked_pixels(cut, shape), Error);
  }
  Bytes longer = good;
  longer.push_back(std::byte{0});
  CHECK_THROWS_AS(unpacked_pixels(longer, shape), Error);
  CHECK_THROWS_AS(unpacked_pixels(good, {1, 3, 16, 15}), Error);
  CHECK_THROWS_AS(unpacked_pixels(good, {2, 3, 16, 16}), Error);
  CHECK_THROWS_AS(unpacked_pixels(good, {0, 3, 16, 16}), Error);
  Bytes header = good;
  header[1] = std::byte{4};
  CHECK_THROWS_AS(unpacked_pixels(header, shape), Error);
  CHECK_THROWS_AS(packed_pixels(Bytes(767), shape), Error);
  // To other readers they are no codec of a link.
  CHECK_THROWS_AS(read_coded_header(good), Error);
}

}  // namespace
}  // namespace quantring
