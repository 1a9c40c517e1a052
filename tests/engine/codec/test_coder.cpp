// Coder on the CPU: the bytes and values of encode() and decode(), whatever the threads and the
// dimensions of the tensor.
#include <cstring>
#include <random>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/coder.h"
#include "ops/base/error.h"
#include "tests/engine/codec/coded_bytes.h"

namespace quantring {
namespace {

using test::Bytes;

std::vector<float> random_values(std::size_t count) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal(0.3F, 2.0F);
  std::vector<float> values(count);
  for (auto& value : values) value = normal(random);
  return values;
}

TEST_CASE("a coder has the bytes and values of the free functions") {
  for (const int threads : {1, 3}) {
    Context context(threads);
    Coder coder(context, {3, 7, 13});
    for (const TensorShape shape : {TensorShape{1, 5, 13}, TensorShape{3, 7, 11}}) {
      const auto values = random_values(shape.elements());
      const Shape dims{shape.images, shape.tokens, shape.dim};
      for (const CodecSpec spec : test::float_codecs()) {
        CAPTURE(codec_text(spec));
        Bytes expected, made;
        encode(values, shape, spec, expected);
        coder.encode({values.data(), DType::f32, dims}, spec, made);
        CHECK(made == expected);
        std::vector<float> free(values.size()), back(values.size());
        decode(expected, shape, free);
        CHECK(coder.decode(made, {back.data(), DType::f32, dims}) == spec);
        CHECK(back == free);
      }
    }
  }
}

TEST_CASE("bodies are what follows the header") {
  Context context;
  const TensorShape shape{2, 3, 16};
  Coder coder(context, shape);
  const auto values = random_values(shape.elements());
  const ConstTensor tensor{values.data(), DType::f32, {2, 3, 16}};
  for (const CodecSpec spec : test::float_codecs()) {
    CAPTURE(codec_text(spec));
    Bytes whole, body(max_bytes(spec, shape) - 4);
    coder.encode(tensor, spec, whole);
    coder.encode_body(tensor, spec, body.data());
    CHECK(std::equal(whole.begin() + 4, whole.end(), body.begin()));
    std::vector<float> from_whole(values.size()), from_body(values.size());
    coder.decode(whole, {from_whole.data(), DType::f32, {2, 3, 16}});
    coder.decode_body(body.data(), spec, {from_body.data(), DType::f32, {2, 3, 16}});
    CHECK(from_body == from_whole);
  }
}

TEST_CASE("pixels are bytes that stay as they are") {
  Context context;
  Coder coder(context, {2, 3, 16});
  Bytes pixels(96), made, back(96);
  for (std::size_t i = 0; i < 96; ++i) pixels[i] = static_cast<std::byte>(i * 7);
  coder.encode({pixels.data(), DType::u8, {2, 3, 4, 4}}, {CodecId::pixels, 8}, made);
  CHECK(made == coded_pixels(pixels));
  CHECK(made.size() == 100);
  coder.decode(made, {back.data(), DType::u8, {2, 3, 16}});
  CHECK(back == pixels);
}

TEST_CASE("a coder refuses what decode() refuses") {
  Context context;
  const TensorShape shape{2, 3, 5};
  Coder coder(context, shape);
  std::vector<float> room(30);
  const Tensor target{room.data(), DType::f32, {2, 3, 5}};
  Bytes good;
  encode(random_values(30), shape, {CodecId::ds_aciq, 3}, good);
  coder.decode(good, target);
  Bytes bad = good;
  bad.pop_back();
  CHECK_THROWS_AS(coder.decode(bad, target), Error);
  CHECK_THROWS_AS(coder.decode(good, {room.data(), DType::f32, {1, 3, 5}}), Error);
}

TEST_CASE("a tensor above the maximum, one without dimensions, and bytes out of line are misuse") {
  Context context;
  Coder coder(context, {1, 3, 5});
  const auto values = random_values(30);
  Bytes coded;
  CHECK_THROWS_AS(coder.encode({values.data(), DType::f32, {2, 3, 5}}, {CodecId::ptq, 4}, coded),
                  std::invalid_argument);
  CHECK_THROWS_AS(coder.encode({values.data(), DType::f32, {30}}, {CodecId::ptq, 4}, coded),
                  std::invalid_argument);
  coder.encode({values.data(), DType::f32, {1, 3, 5}}, {CodecId::ptq, 4}, coded);
  Bytes shifted(coded.size() + 1);
  std::copy(coded.begin(), coded.end(), shifted.begin() + 1);
  std::vector<float> room(15);
  CHECK_THROWS_AS(coder.decode(std::span(shifted).subspan(1), {room.data(), DType::f32, {1, 3, 5}}),
                  std::invalid_argument);
}

TEST_CASE("the bound of a body holds for every codec") {
  for (const TensorShape shape : {TensorShape{1, 1, 1}, TensorShape{3, 7, 11}}) {
    for (const CodecSpec spec : test::float_codecs())
      CHECK(max_bytes(spec, shape) - 4 <= max_body_bytes(shape));
    CHECK(max_bytes({CodecId::pixels, 8}, shape) - 4 <= max_body_bytes(shape));
  }
}

}  // namespace
}  // namespace quantring
