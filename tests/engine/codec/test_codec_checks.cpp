// What the codecs refuse, and their names.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "ops/base/error.h"
#include "tests/engine/codec/coded_bytes.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::Bytes;
using test::error_of;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

CodecSpec ptq(int bits) {
  return {CodecId::ptq, static_cast<std::uint8_t>(bits)};
}

std::vector<float> some_values(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i * i % 23) - 7.5F;
  return values;
}

TEST_CASE("every malformed tensor is refused, with the reason") {
  const TensorShape one{1, 3, 5}, two{2, 3, 5};
  const auto values = some_values(30);
  Bytes good_one, good_two, good_raw;
  encode(std::span(values).first(15), one, ptq(3), good_one);
  encode(values, two, ptq(3), good_two);
  encode(values, two, {CodecId::raw32, 32}, good_raw);
  std::vector<float> room(30);
  const auto refused = [&](const Bytes& good, TensorShape shape,
                           const std::function<void(Bytes&)>& break_it, const char* reason) {
    Bytes bad = good;
    break_it(bad);
    const std::string text =
        error_of([&] { decode(bad, shape, std::span(room).first(shape.elements())); });
    CAPTURE(text);
    CHECK(text.find(reason) != std::string::npos);
  };
  const auto set = [](std::size_t at, int value) {
    return [at, value](Bytes& bytes) { bytes.at(at) = static_cast<std::byte>(value); };
  };
  const auto put = [](std::size_t at, float value) {
    return [at, value](Bytes& bytes) {
      REQUIRE(at + sizeof value <= bytes.size());
      std::memcpy(bytes.data() + at, &value, sizeof value);
    };
  };
  const auto cut_to = [](std::size_t bytes) { return [bytes](Bytes& b) { b.resize(bytes); }; };
  decode(good_one, one, std::span(room).first(15));
  decode(good_two, two, room);
  decode(good_raw, two, room);

  refused(good_one, one, set(0, 77), "codec 77 with 3 bits");
  refused(good_one, one, set(0, 0), "codec 0 with 3 bits");
  refused(good_one, one, set(0, 1), "codec 1 with 3 bits");
  refused(good_one, one, set(1, 9), "codec 3 with 9 bits");
  refused(good_one, one, set(1, 1), "codec 3 with 1 bits");
  refused(good_one, one, set(1, 0), "codec 3 with 0 bits");
  refused(good_one, one, set(1, 4), "of 18 bytes, but ptq 4 of shape [1, 3, 5] takes 20");
  refused(good_one, one, set(2, 1), "reserved bytes");
  refused(good_one, one, set(3, 128), "reserved bytes");
  refused(good_raw, two, set(1, 16), "codec 1 with 16");

  for (std::size_t bytes = 0; bytes < good_two.size(); ++bytes)
    refused(good_two, two, cut_to(bytes), bytes < 4 ? "its header alone has 4" : "takes 32");
  for (std::size_t bytes = 4; bytes < good_raw.size(); ++bytes)
    refused(good_raw, two, cut_to(bytes), "takes 124");
  refused(good_two, two, cut_to(33), "of 33 bytes");
  refused(good_raw, two, cut_to(128), "of 128 bytes");
  refused(
      good_two, one, [](Bytes&) {}, "shape [1, 3, 5] takes 18");
  refused(
      good_one, two, [](Bytes&) {}, "shape [2, 3, 5] takes 32");

  for (const std::size_t image : {0, 1}) {
    const std::size_t at = 4 + 8 * image;
    refused(good_two, two, put(at, nan_value), "must be finite");
    refused(good_two, two, put(at, infinity), "must be finite");
    refused(good_two, two, put(at, -1.0F), "not negative");
    refused(good_two, two, put(at + 4, nan_value), "must be finite");
    refused(good_two, two, put(at + 4, -infinity), "must be finite");
  }
  Bytes pixels = coded_pixels(Bytes(15));
  refused(
      pixels, one, [](Bytes&) {}, "pixels are bytes");
}

TEST_CASE("any body of codes decodes") {
  const TensorShape shape{1, 3, 5};
  Bytes coded;
  encode(some_values(15), shape, ptq(3), coded);
  std::vector<float> room(15);
  for (int value = 0; value < 256; ++value) {
    std::fill(coded.begin() + 12, coded.end(), static_cast<std::byte>(value));
    decode(coded, shape, room);
    for (const float x : room) CHECK(std::isfinite(x));
  }
}

TEST_CASE("sizes that wrap around are refused before anything is read") {
  Bytes coded{std::byte{3}, std::byte{8}, std::byte{0}, std::byte{0}};
  std::vector<float> none;
  const TensorShape wraps{1U << 31, 1U << 31, 4};  // product: 2^64
  CHECK_THROWS_AS(decode(coded, wraps, none), Error);
  CHECK_THROWS_AS(max_bytes(ptq(8), wraps), Error);
  // The same from a plausible number of rows.
  CHECK_THROWS_AS(decode(coded, {1U << 20, 1U << 20, 1U << 24}, none), Error);
  CHECK_THROWS_AS(max_bytes(ptq(8), {1, 0, 4}), Error);
  CHECK_THROWS_AS(expected_bits(ptq(8), {0, 1, 4}), Error);
}

TEST_CASE("encode refuses a wrong shape, pixels and unknown codecs") {
  const auto values = some_values(12);
  Bytes out;
  CHECK_THROWS_AS(encode(values, {1, 3, 5}, ptq(4), out), Error);
  CHECK_THROWS_AS(encode(values, {1, 3, 4}, {CodecId::pixels, 8}, out), Error);
  CHECK_THROWS_AS(encode(values, {1, 3, 4}, ptq(12), out), Error);
}

TEST_CASE(
    "every codec but pixels is found by its name, and knows whether its width can be chosen") {
  CHECK(known_codecs().size() == 10);
  for (const CodecId id : known_codecs()) {
    if (id == CodecId::pixels) continue;
    const bool tiles = id == CodecId::tah || id == CodecId::tah2;
    const int bits = id == CodecId::raw32 ? 32 : id == CodecId::klt ? 3 : tiles ? 8 : 16;
    const CodecSpec spec = parse_codec(codec_name(id), bits);
    CHECK(spec.id == id);
    CHECK(codec_valid(spec));
    CHECK(has_widths(id) == (id != CodecId::raw32 && id != CodecId::raw16));
  }
  CHECK_FALSE(codec_valid({CodecId{8}, 4}));
}

TEST_CASE("names of codecs go both ways") {
  CHECK(parse_codec("raw32", 0) == CodecSpec{CodecId::raw32, 32});
  CHECK(parse_codec("raw16", 16) == CodecSpec{CodecId::raw16, 16});
  CHECK(parse_codec("ptq", 5) == ptq(5));
  CHECK(codec_text(ptq(4)) == "ptq 4");
  CHECK(codec_text({CodecId::raw32, 32}) == "raw32");
  CHECK(codec_name(CodecId::pixels) == "pixels");
  CHECK(parse_codec("ds-aciq", 4) == CodecSpec{CodecId::ds_aciq, 4});
  CHECK(parse_codec("ds-aciq+", 4) == CodecSpec{CodecId::ds_aciq_plus, 4});
  CHECK(codec_text({CodecId::ds_aciq_plus, 2}) == "ds-aciq+ 2");
  CHECK(error_of([] { parse_codec("ptq", 0); }) ==
        "codec ptq needs a number of bits, 2 to 8 or 16: add --bits 6, or in a ring file bits = 6");
  CHECK(error_of([] { parse_codec("ptq", 9); }) == "codec ptq takes 2 to 8 or 16 bits, not 9");
  CHECK(parse_codec("tah", 4) == CodecSpec{CodecId::tah, 4});
  CHECK(error_of([] { parse_codec("tah2", 16); }) == "codec tah2 takes 2 to 8 bits, not 16");
  CHECK(parse_codec("klt", 1.5) == CodecSpec{CodecId::klt, 6});
  CHECK(codec_text({CodecId::klt, 3}) == "klt 0.75");
  CHECK(error_of([] { parse_codec("klt", 8); }) ==
        "codec klt takes 3, 2, 1.5, 1, 0.75 or 0.5 bits, not 8");
  CHECK(error_of([] { parse_codec("ptq", 260); }).find("not 260") != std::string::npos);
  CHECK(error_of([] { parse_codec("raw32", 8); }) == "codec raw32 has 32 bits, not 8");
  CHECK(error_of([] {
          parse_codec("zip", 8);
        }).find("raw32, raw16, ptq, aciq, ds-aciq, ds-aciq+, tah, tah2 or klt") !=
        std::string::npos);
}

}  // namespace
}  // namespace quantring
