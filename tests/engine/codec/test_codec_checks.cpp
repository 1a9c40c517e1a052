// What the codecs refuse, and their names.
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "ops/base/error.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

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
  CodedTensor good_one, good_two;
  encode(std::span(values).first(15), one, ptq(3), good_one);
  encode(values, two, ptq(3), good_two);
  std::vector<float> room(30);
  const auto refused = [&](const CodedTensor& good,
                           const std::function<void(CodedTensor&)>& break_it, const char* reason) {
    const std::span<float> target = std::span(room).first(good.shape.elements());
    decode(good, target);
    CodedTensor bad = good;
    break_it(bad);
    const std::string text = error_of([&] { decode(bad, target); });
    CAPTURE(text);
    CHECK(text.find(reason) != std::string::npos);
  };
  refused(
      good_one, [](auto& c) { c.spec.bits = 9; }, "codec 3 with 9 bits");
  refused(
      good_one, [](auto& c) { c.spec.bits = 1; }, "codec 3 with 1 bits");
  refused(
      good_one, [](auto& c) { c.spec.id = CodecId{77}; }, "codec 77");
  refused(
      good_one,
      [](auto& c) {
        c.spec = {CodecId::raw32, 16};
      },
      "codec 1 with 16");
  refused(
      good_one,
      [](auto& c) {
        c.spec = {CodecId::pixels, 8};
      },
      "pixels");
  refused(
      good_one, [](auto& c) { c.shape.dim = 4; }, "has 12 values, not 15");
  refused(
      good_one, [](auto& c) { c.shape.images = 0; }, "empty or too large");
  refused(
      good_one, [](auto& c) { c.payload.pop_back(); }, "payload of 5 bytes");
  refused(
      good_one, [](auto& c) { c.payload.push_back({}); }, "payload of 7 bytes");
  refused(
      good_one, [](auto& c) { c.payload.clear(); }, "payload of 0 bytes");
  refused(
      good_one, [](auto& c) { c.scale = nan_value; }, "must be finite");
  refused(
      good_one, [](auto& c) { c.scale = infinity; }, "must be finite");
  refused(
      good_one, [](auto& c) { c.scale = -1; }, "not negative");
  refused(
      good_one, [](auto& c) { c.offset = -infinity; }, "must be finite");
  refused(
      good_two, [](auto& c) { c.scale = 1; }, "have no place");
  refused(
      good_two, [](auto& c) { c.offset = nan_value; }, "have no place");
  refused(
      good_two, [](auto& c) { std::memcpy(c.payload.data() + 8, &nan_value, 4); },
      "must be finite");
  refused(
      good_two, [](auto& c) { c.payload.pop_back(); }, "payload of 27 bytes");
}

TEST_CASE("sizes that wrap around are refused before anything is read") {
  CodedTensor bad;
  bad.spec = ptq(8);
  bad.shape = {1U << 31, 1U << 31, 4};  // product: 2^64
  std::vector<float> none;
  CHECK_THROWS_AS(decode(bad, none), Error);
  CHECK_THROWS_AS(payload_bytes(ptq(8), bad.shape), Error);
  bad.shape = {1U << 20, 1U << 20, 1U << 24};  // the same, from a plausible number of rows
  CHECK_THROWS_AS(decode(bad, none), Error);
  CHECK_THROWS_AS(payload_bytes(ptq(8), {1, 0, 4}), Error);
}

TEST_CASE("encode refuses a wrong shape, pixels and unknown codecs") {
  const auto values = some_values(12);
  CodedTensor out;
  CHECK_THROWS_AS(encode(values, {1, 3, 5}, ptq(4), out), Error);
  CHECK_THROWS_AS(encode(values, {1, 3, 4}, {CodecId::pixels, 8}, out), Error);
  CHECK_THROWS_AS(encode(values, {1, 3, 4}, ptq(12), out), Error);
}

TEST_CASE("every codec but pixels is found by its name, and knows whether it has ranges") {
  CHECK(known_codecs().size() == 7);
  for (const CodecId id : known_codecs()) {
    if (id == CodecId::pixels) continue;
    const int bits = id == CodecId::raw32 ? 32 : 16;
    const CodecSpec spec = parse_codec(codec_name(id), bits);
    CHECK(spec.id == id);
    CHECK(codec_valid(spec));
    CHECK(has_ranges(id) == (id != CodecId::raw32 && id != CodecId::raw16));
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
  CHECK(error_of([] { parse_codec("ptq", 0); }) == "codec ptq takes 2 to 8 or 16 bits, not 0");
  CHECK(error_of([] { parse_codec("ptq", 260); }).find("not 260") != std::string::npos);
  CHECK(error_of([] { parse_codec("raw32", 8); }) == "codec raw32 has 32 bits, not 8");
  CHECK(error_of([] {
          parse_codec("zip", 8);
        }).find("raw32, raw16, ptq, aciq, ds-aciq and ds-aciq+") != std::string::npos);
}

}  // namespace
}  // namespace quantring
