// The layout of a coded tensor, byte by byte, and its length.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "ops/half.h"
#include "tests/engine/codec/coded_bytes.h"

namespace quantring {
namespace {

using test::Bytes;

std::vector<unsigned> numbers(const Bytes& bytes) {
  std::vector<unsigned> values;
  for (const std::byte byte : bytes) values.push_back(std::to_integer<unsigned>(byte));
  return values;
}

Bytes coded(const std::vector<float>& values, TensorShape shape, CodecSpec spec) {
  Bytes bytes;
  encode(values, shape, spec, bytes);
  return bytes;
}

TEST_CASE("ptq 4, two images: header, both ranges, both images' codes") {
  // Image 0: 0 to 15, step 1. Image 1: -2 to 28, step 2.
  const std::vector<float> values{0, 15, 3, 4, 5, -2, 28, 0, 2, 4};
  const std::vector<unsigned> expected{
      3,    4,    0,    0,                    // ptq, 4 bits, reserved
      0,    0,    0x70, 0x41, 0, 0, 0, 0,     // 15.0F, 0.0F
      0,    0,    0xF0, 0x41, 0, 0, 0, 0xC0,  // 30.0F, -2.0F
      0xF0, 0x43, 0x05,                       // 0, 15 | 3, 4 | 5
      0xF0, 0x21, 0x03,                       // 0, 15 | 1, 2 | 3
  };
  CHECK(numbers(coded(values, {2, 1, 5}, {CodecId::ptq, 4})) == expected);
}

TEST_CASE("one image has the layout of several") {
  const std::vector<unsigned> expected{3, 4, 0, 0, 0, 0, 0x70, 0x41, 0, 0, 0, 0, 0xF0, 0x43, 0x05};
  CHECK(numbers(coded({0, 15, 3, 4, 5}, {1, 1, 5}, {CodecId::ptq, 4})) == expected);
}

TEST_CASE("raw32, raw16 and pixels: header and values") {
  CHECK(numbers(coded({1.0F, -2.0F}, {1, 1, 2}, {CodecId::raw32, 32})) ==
        std::vector<unsigned>{1, 32, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0});
  CHECK(numbers(coded({1.0F, -2.0F}, {2, 1, 1}, {CodecId::raw16, 16})) ==
        std::vector<unsigned>{2, 16, 0, 0, 0, 0x3C, 0, 0xC0});
  CHECK(numbers(coded_pixels(Bytes{std::byte{7}, std::byte{255}})) ==
        std::vector<unsigned>{4, 8, 0, 0, 7, 255});
}

TEST_CASE("ids of the codecs are fixed: they are on the wire") {
  const std::vector<float> values{0, 1, 2};
  const auto first_bytes = [&](CodecSpec spec) {
    const Bytes bytes = coded(values, {1, 1, 3}, spec);
    return std::vector<unsigned>{std::to_integer<unsigned>(bytes[0]),
                                 std::to_integer<unsigned>(bytes[1])};
  };
  CHECK(first_bytes(parse_codec("raw32", 0)) == std::vector<unsigned>{1, 32});
  CHECK(first_bytes(parse_codec("raw16", 0)) == std::vector<unsigned>{2, 16});
  CHECK(first_bytes(parse_codec("ptq", 5)) == std::vector<unsigned>{3, 5});
  CHECK(first_bytes(parse_codec("aciq", 2)) == std::vector<unsigned>{5, 2});
  CHECK(first_bytes(parse_codec("ds-aciq", 16)) == std::vector<unsigned>{6, 16});
  CHECK(first_bytes(parse_codec("ds-aciq+", 8)) == std::vector<unsigned>{7, 8});
  CHECK(first_bytes(parse_codec("tah", 4)) == std::vector<unsigned>{9, 4});
  CHECK(first_bytes(parse_codec("tah2", 3)) == std::vector<unsigned>{10, 3});
}

TEST_CASE("whatever the values, the length is within the bound, and decoding gives its own range") {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.0F, 1.0F);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float specials[] = {0.0F, -0.0F, infinity, -infinity, std::nanf(""), 3e38F, -3e38F, 1e-45F};
  int finite = 0;
  for (int run = 0; run < 40; ++run) {
    const auto up_to = [&](unsigned max) { return 1 + static_cast<std::uint32_t>(random() % max); };
    const TensorShape shape{up_to(3), up_to(9), up_to(70)};
    std::vector<float> values(shape.elements());
    const unsigned share = up_to(4) - 1;  // none to all of the values are special
    for (float& value : values) {
      value = normal(random) * (random() % 50 == 0 ? 1000.0F : 1.0F);
      if (random() % 3 < share) value = specials[random() % 8];
      finite += std::isfinite(value);
    }
    for (const CodecSpec spec : test::float_codecs()) {
      CAPTURE(codec_text(spec));
      CAPTURE(run);
      const Bytes bytes = coded(values, shape, spec);
      CHECK(bytes.size() <= max_bytes(spec, shape));
      // Of tiles the share that is rotated is not known before.
      const bool tiles = spec.id == CodecId::tah || spec.id == CodecId::tah2;
      if (!tiles) CHECK(8.0 * static_cast<double>(bytes.size()) == expected_bits(spec, shape));
      CHECK(check_coded(bytes, shape) == spec);
      std::vector<float> back(values.size());
      decode(bytes, shape, back);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < back.size(); ++i) {
        if (!has_widths(spec.id)) {
          const float kept =
              spec.id == CodecId::raw32 ? values[i] : half_to_float(float_to_half(values[i]));
          wrong += std::memcmp(&kept, &back[i], sizeof kept) != 0;
        } else {
          wrong += !std::isfinite(back[i]);
        }
      }
      CHECK(wrong == 0);
    }
  }
  CHECK(finite > 1000);
}

}  // namespace
}  // namespace quantring
