// DeviceCodec on the CPU: the bytes of encode() and the values of decode().
#include <cstring>
#include <random>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "engine/codec/device_codec.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

std::vector<float> random_values(std::size_t count) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal(0.3F, 2.0F);
  std::vector<float> values(count);
  for (auto& value : values) value = normal(random);
  return values;
}

std::vector<CodecSpec> float_codecs() {
  std::vector<CodecSpec> specs{{CodecId::raw32, 32}, {CodecId::raw16, 16}};
  for (const CodecId id : {CodecId::ptq, CodecId::aciq, CodecId::ds_aciq, CodecId::ds_aciq_plus})
    for (const int bits : {2, 3, 4, 5, 6, 7, 8, 16})
      specs.push_back({id, static_cast<std::uint8_t>(bits)});
  return specs;
}

TEST_CASE("device form and back, with the bytes and values of the host's codecs") {
  for (const int threads : {1, 3}) {
    Context context(threads);
    for (const TensorShape shape : {TensorShape{1, 5, 13}, TensorShape{3, 7, 11}}) {
      DeviceCodec codec(context, shape);
      const auto values = random_values(shape.elements());
      const Shape dims{shape.images, shape.tokens, shape.dim};
      for (const CodecSpec spec : float_codecs()) {
        CAPTURE(codec_text(spec));
        CodedTensor expected, made;
        encode(values, shape, spec, expected);
        std::vector<std::byte> form(device_form_bytes(spec, shape));
        codec.encode({values.data(), DType::f32, dims}, shape, spec, form.data());
        from_device_form(form, spec, shape, made);
        CHECK(made.payload == expected.payload);
        CHECK(made.scale == expected.scale);
        CHECK(made.offset == expected.offset);

        std::vector<std::byte> again(form.size());
        to_device_form(expected, again);
        CHECK(again == form);
        std::vector<float> slow(values.size()), back(values.size());
        decode(expected, slow);
        codec.decode(again.data(), shape, spec, {back.data(), DType::f32, dims});
        CHECK(back == slow);
      }
    }
  }
}

TEST_CASE("pixels are bytes that stay as they are") {
  Context context;
  const TensorShape shape{2, 3, 16};
  DeviceCodec codec(context, shape);
  CodedTensor pixels{{CodecId::pixels, 8}, shape, 0, 0, std::vector<std::byte>(96)};
  for (std::size_t i = 0; i < 96; ++i) pixels.payload[i] = static_cast<std::byte>(i * 7);
  std::vector<std::byte> form(device_form_bytes(pixels.spec, shape)), back(96);
  to_device_form(pixels, form);
  codec.decode(form.data(), shape, pixels.spec, {back.data(), DType::u8, {2, 3, 16}});
  CHECK(back == pixels.payload);
}

TEST_CASE("what decode refuses, to_device_form refuses") {
  const TensorShape shape{2, 3, 5};
  CodedTensor good;
  encode(random_values(30), shape, {CodecId::ds_aciq, 3}, good);
  std::vector<std::byte> form(device_form_bytes(good.spec, shape));
  to_device_form(good, form);
  CodedTensor bad = good;
  bad.payload.pop_back();
  CHECK_THROWS_AS(to_device_form(bad, form), Error);
  bad = good;
  const float wrong = -1;
  std::memcpy(bad.payload.data() + 8, &wrong, 4);
  CHECK_THROWS_AS(to_device_form(bad, form), Error);
  bad = good;
  bad.scale = 1;
  CHECK_THROWS_AS(to_device_form(bad, form), Error);
  bad = good;
  bad.spec.bits = 9;
  CHECK_THROWS_AS(to_device_form(bad, form), Error);
}

TEST_CASE("a tensor larger than promised, or of another size than told, is a caller's mistake") {
  Context context;
  DeviceCodec codec(context, {1, 3, 5});
  const auto values = random_values(30);
  std::vector<std::byte> form(1000);
  const ConstTensor two{values.data(), DType::f32, {2, 3, 5}};
  CHECK_THROWS_AS(codec.encode(two, {2, 3, 5}, {CodecId::ptq, 4}, form.data()),
                  std::invalid_argument);
  CHECK_THROWS_AS(codec.encode(two, {1, 3, 5}, {CodecId::ptq, 4}, form.data()),
                  std::invalid_argument);
}

}  // namespace
}  // namespace quantring
