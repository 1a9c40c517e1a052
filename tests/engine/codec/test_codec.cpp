// The codecs against a slow reference, and their exact sizes.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "ops/cpu/coding/coding.h"
#include "tests/engine/codec/coded_bytes.h"

namespace quantring {
namespace {

using test::Bytes;
using test::codes_at;
using test::range_at;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float largest = std::numeric_limits<float>::max();
const int ptq_widths[] = {2, 3, 4, 5, 6, 7, 8, 16};

CodecSpec ptq(int bits) {
  return {CodecId::ptq, static_cast<std::uint8_t>(bits)};
}

// Heavy-tailed like a residual stream; made sure to vary.
std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.3F, 2.0F);
  std::vector<float> values(count);
  for (auto& value : values) value = normal(random) * std::exp(normal(random) / 4);
  for (std::size_t i = 1; i < count; ++i) REQUIRE(values[i] != values[i - 1]);
  return values;
}

// One step at a time; volatile keeps every step rounded to float32 on every machine.
int slow_code(float value, float scale, float offset, int bits) {
  if (scale == 0.0F) return 0;
  volatile float y = value - offset;
  y = y / scale;
  y = y * static_cast<float>((1 << bits) - 1);
  const double exact = y;
  const double low = std::floor(exact);
  int code = static_cast<int>(low);
  if (exact - low > 0.5 || (exact - low == 0.5 && code % 2 == 1)) ++code;
  return code;
}

float slow_value(int code, float scale, float offset, int bits) {
  volatile float y = static_cast<float>(code) / static_cast<float>((1 << bits) - 1);
  y = y * scale;
  y = y + offset;
  return y;
}

void check_against_reference(TensorShape shape, int bits, unsigned seed) {
  CAPTURE(shape.images);
  CAPTURE(shape.tokens);
  CAPTURE(shape.dim);
  CAPTURE(bits);
  const auto values = random_values(shape.elements(), seed);
  const std::size_t each = shape.elements_per_image();
  Bytes coded;
  encode(values, shape, ptq(bits), coded);
  std::vector<float> decoded(values.size());
  decode(coded, shape, decoded);

  CHECK(coded.size() == 4 + shape.images * (8 + (each * bits + 7) / 8));
  CHECK(coded.size() == max_bytes(ptq(bits), shape));

  for (std::size_t image = 0; image < shape.images; ++image) {
    float low = values[image * each], high = low;
    for (std::size_t i = image * each; i < (image + 1) * each; ++i) {
      low = std::min(low, values[i]);
      high = std::max(high, values[i]);
    }
    const auto [scale, offset] = range_at(coded, image);
    CHECK(scale == high - low);
    CHECK(offset == low);
    const auto codes = codes_at(coded, shape, image);
    const double step = scale / static_cast<double>((1 << bits) - 1);
    const double bound = step / 2 + 4e-7 * (std::abs(low) + std::abs(high));
    std::size_t wrong = 0, far = 0;
    for (std::size_t i = 0; i < each; ++i) {
      const float value = values[image * each + i], back = decoded[image * each + i];
      wrong += codes[i] != slow_code(value, scale, offset, bits);
      wrong += back != slow_value(codes[i], scale, offset, bits);
      far += !(std::abs(static_cast<double>(back) - value) <= bound);
    }
    CHECK(wrong == 0);
    CHECK(far == 0);
  }
}

TEST_CASE("ptq equals the slow reference at every width and at odd sizes") {
  for (const int bits : ptq_widths) {
    unsigned seed = 1;
    for (const std::uint32_t size : {1, 2, 7, 63, 64, 65, 1025})
      check_against_reference({1, 1, size}, bits, seed++);
    check_against_reference({1, 50, 192}, bits, seed++);
    check_against_reference({3, 5, 13}, bits, seed++);
    check_against_reference({2, 50, 192}, bits, seed++);
  }
}

TEST_CASE("three bits cost three bits") {
  const TensorShape shape{1, 197, 192};
  CHECK(max_bytes(ptq(3), shape) == 4 + 8 + 197 * 192 * 3 / 8);
  CHECK(max_bytes(ptq(5), {4, 197, 192}) == 4 + 4 * 8 + 4 * 197 * 192 * 5 / 8);
  CHECK(max_bytes({CodecId::raw32, 32}, shape) == 4 + 197 * 192 * 4);
  CHECK(max_bytes({CodecId::raw16, 16}, shape) == 4 + 197 * 192 * 2);
  CHECK(max_bytes({CodecId::pixels, 8}, {2, 224 * 224, 3}) == 4 + 2 * 224 * 224 * 3);
  CHECK(expected_bits(ptq(3), shape) == 8 * (4 + 8) + 197 * 192 * 3);
}

TEST_CASE("halves are rounded to the even code") {
  // Two bits over 0..6: y = x / 2, so 1, 3 and 5 stand half-way between two codes.
  const std::vector<float> values{0, 1, 2, 3, 4, 5, 6};
  Bytes coded;
  encode(values, {1, 1, 7}, ptq(2), coded);
  CHECK(codes_at(coded, {1, 1, 7}, 0) == std::vector<std::uint16_t>{0, 0, 1, 2, 2, 2, 3});
}

TEST_CASE("a constant tensor has no scale and comes back exactly") {
  for (const int bits : ptq_widths) {
    const std::vector<float> values(65, -3.7F);
    Bytes coded;
    encode(values, {1, 5, 13}, ptq(bits), coded);
    CHECK(range_at(coded, 0).scale == 0.0F);
    for (const std::byte byte : test::packed_at(coded, {1, 5, 13}, 0)) CHECK(byte == std::byte{0});
    std::vector<float> decoded(65);
    decode(coded, {1, 5, 13}, decoded);
    CHECK(decoded == values);
  }
}

TEST_CASE("infinities are clamped to the finite extremes, NaN becomes the smallest value") {
  std::vector<float> values = random_values(100, 3);
  values[0] = -20;
  values[1] = 30;
  values[40] = nan_value;
  values[41] = infinity;
  values[42] = -infinity;
  for (const int bits : ptq_widths) {
    Bytes coded;
    encode(values, {1, 1, 100}, ptq(bits), coded);
    CHECK(range_at(coded, 0).offset == -20.0F);
    CHECK(range_at(coded, 0).scale == 50.0F);
    std::vector<float> decoded(100);
    decode(coded, {1, 1, 100}, decoded);
    CHECK(decoded[40] == -20.0F);
    CHECK(decoded[41] == 30.0F);
    CHECK(decoded[42] == -20.0F);
  }
}

TEST_CASE("nothing finite decodes to zero") {
  const std::vector<float> values{nan_value, infinity, -infinity};
  Bytes coded;
  encode(values, {1, 1, 3}, ptq(4), coded);
  std::vector<float> decoded(3, 1.0F);
  decode(coded, {1, 1, 3}, decoded);
  CHECK(decoded == std::vector<float>{0, 0, 0});
}

TEST_CASE("a range wider than a float is cut to the widest one around its middle") {
  const std::vector<float> values{-largest, largest, 0, largest / 4, infinity};
  Bytes coded;
  encode(values, {1, 1, 5}, ptq(16), coded);
  std::vector<float> decoded(5);
  decode(coded, {1, 1, 5}, decoded);
  CHECK(decoded[0] == -largest / 2);
  CHECK(decoded[1] == largest / 2);
  CHECK(std::abs(decoded[2]) <= largest / 65535);
  CHECK(std::abs(decoded[3] - largest / 4) <= largest / 65535);
  CHECK(decoded[4] == largest / 2);
}

TEST_CASE("the sign of a zero minimum does not depend on its place") {
  const auto range_of = [](const std::vector<float>& values) {
    return cpu::find_range(values, values.size(), Clip::none, 4);
  };
  const GridRange first = range_of({-0.0F, 0.0F, 2.0F});
  const GridRange second = range_of({0.0F, -0.0F, 2.0F});
  CHECK_FALSE(std::signbit(first.offset));
  CHECK_FALSE(std::signbit(second.offset));
  CHECK_FALSE(std::signbit(range_of({0.0F, -0.0F}).scale));
}

TEST_CASE("raw32 keeps every bit, raw16 rounds to half precision") {
  auto values = random_values(77, 5);
  values[3] = infinity;
  const TensorShape shape{1, 7, 11};
  Bytes coded;
  std::vector<float> decoded(77);
  encode(values, shape, {CodecId::raw32, 32}, coded);
  decode(coded, shape, decoded);
  CHECK(std::memcmp(decoded.data(), values.data(), 77 * 4) == 0);
  encode(values, shape, {CodecId::raw16, 16}, coded);
  CHECK(coded.size() == 4 + 77 * 2);
  decode(coded, shape, decoded);
  CHECK(decoded[3] == infinity);
  for (std::size_t i = 0; i < 77; ++i)
    if (i != 3) CHECK(std::abs(decoded[i] - values[i]) <= std::abs(values[i]) / 2048 + 3e-8F);
}

TEST_CASE("the memory of the coded tensor is used again") {
  const auto values = random_values(640, 6);
  Bytes coded;
  encode(values, {1, 10, 64}, {CodecId::raw32, 32}, coded);
  const std::byte* const memory = coded.data();
  encode(values, {1, 10, 64}, ptq(3), coded);
  CHECK(coded.data() == memory);
}

}  // namespace
}  // namespace quantring
