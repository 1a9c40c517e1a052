// Codec klt: bytes against a decoder written from the format's description, values that it cannot
// code, and bodies that are damaged.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/coder.h"
#include "ops/base/error.h"
#include "tests/engine/codec/coded_bytes.h"
#include "tests/engine/codec/klt_reference.h"
#include "tests/support/klt_tables.h"

namespace quantring {
namespace {

using test::Bytes;
using test::klt;
using test::tensor_of;

Bytes coded(const KltTables& tables, const std::vector<float>& values, int width, int threads = 1) {
  const TensorShape shape =
      tensor_of(tables.shape, values.size() / (tables.shape.tokens() * tables.shape.dim));
  Context context(threads);
  Bytes bytes;
  Coder(context, shape, {&tables, nullptr}).encode(host_tensor(values, shape), klt(width), bytes);
  return bytes;
}

std::vector<float> decoded(const KltTables& tables, const Bytes& bytes, std::size_t images,
                           int threads = 1) {
  const TensorShape shape = tensor_of(tables.shape, images);
  std::vector<float> values(shape.elements());
  Context context(threads);
  Coder(context, shape, {nullptr, &tables}).decode(bytes, host_tensor(std::span(values), shape));
  return values;
}

std::uint32_t length_at(const Bytes& bytes, std::size_t image) {
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 4 + 4 * image, sizeof length);
  return length;
}

// The body of ptq 8 of one image.
Bytes plain_body(const std::vector<float>& image, const KltShape& shape) {
  Bytes bytes;
  encode(image, tensor_of(shape, 1), {CodecId::ptq, 8}, bytes);
  return {bytes.begin() + 4, bytes.end()};
}

const KltShape shapes[] = {{0, 3, 5, 24}, {1, 6, 6, 48}, {5, 4, 2, 31}};

TEST_CASE("klt decodes to the bits of a slow decoder") {
  for (const KltShape& shape : shapes) {
    const KltTables tables = test::klt_tables(shape);
    for (const int width : klt_widths) {
      CAPTURE(shape.dim);
      CAPTURE(width);
      auto values = test::klt_values(tables, 1);
      for (std::size_t i = shape.prefix * shape.dim; i < values.size(); i += shape.dim)
        values[i] += 400.0F;  // frequency 0 is escaped
      const Bytes bytes = coded(tables, values, width);
      REQUIRE(bytes.size() == 8 + length_at(bytes, 0));
      test::KltReference reference(tables, *tables.rate(width));
      const auto expected = reference.decode(std::span(bytes).subspan(8));
      CHECK(reference.at_end());
      CHECK(reference.nonzero() > 0);
      CHECK(reference.escaped() > 0);
      const auto back = decoded(tables, bytes, 1);
      CHECK(std::memcmp(back.data(), expected.data(), back.size() * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("klt's bytes are within 3 % of the entropy of its tables") {
  const KltTables tables = test::klt_tables({1, 14, 14, 192});
  const auto values = test::klt_values(tables, 1, 5);
  std::size_t before = std::numeric_limits<std::size_t>::max();
  double error = 0;
  for (const int width : klt_widths) {
    CAPTURE(width);
    const Bytes bytes = coded(tables, values, width);
    test::KltReference reference(tables, *tables.rate(width));
    reference.decode(std::span(bytes).subspan(8));
    const double bits = 8 * static_cast<double>(bytes.size());
    CHECK(bits >= reference.bits());
    CHECK(bits <= 1.03 * reference.bits());
    // A lower rate is smaller and worse.
    CHECK(bytes.size() < before);
    before = bytes.size();
    const auto back = decoded(tables, bytes, 1);
    double sum = 0;
    for (std::size_t i = 0; i < back.size(); ++i) sum += std::pow(back[i] - values[i], 2.0);
    CHECK(sum > error);
    error = sum;
  }
}

TEST_CASE("an image has the same bytes and values in any batch, with any threads") {
  const KltTables tables = test::klt_tables({1, 4, 3, 20});
  auto values = test::klt_values(tables, 5);
  const std::size_t each = values.size() / 5;
  values[2 * each + 7] = std::nanf("");  // one is plain
  Bytes lengths, parts;
  std::vector<float> one_by_one;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * each);
    const Bytes bytes = coded(tables, {begin, begin + static_cast<std::ptrdiff_t>(each)}, 4);
    lengths.insert(lengths.end(), bytes.begin() + 4, bytes.begin() + 8);
    parts.insert(parts.end(), bytes.begin() + 8, bytes.end());
    const auto back = decoded(tables, bytes, 1);
    one_by_one.insert(one_by_one.end(), back.begin(), back.end());
  }
  for (const int threads : {1, 2, 5}) {
    const Bytes bytes = coded(tables, values, 4, threads);
    Bytes expected(bytes.begin(), bytes.begin() + 4);
    expected.insert(expected.end(), lengths.begin(), lengths.end());
    expected.insert(expected.end(), parts.begin(), parts.end());
    CHECK(bytes == expected);
    CHECK(decoded(tables, bytes, 5, threads) == one_by_one);
  }
}

TEST_CASE("what klt cannot code is exactly what ptq 8 makes of it") {
  const float inf = INFINITY, nan = std::nanf(""), max = std::numeric_limits<float>::max();
  const KltTables tables = test::klt_tables({1, 4, 3, 20});
  const auto image = test::klt_values(tables, 1);
  const auto is_plain = [&](const std::vector<float>& values, const KltTables& with) {
    const Bytes expected = plain_body(values, with.shape);
    const Bytes bytes = coded(with, values, 2);
    REQUIRE(length_at(bytes, 0) == (expected.size() | 1U << 31));
    CHECK(Bytes(bytes.begin() + 8, bytes.end()) == expected);
    std::vector<float> back(values.size());
    Bytes whole{std::byte{static_cast<unsigned char>(CodecId::ptq)}, std::byte{8}, {}, {}};
    whole.insert(whole.end(), expected.begin(), expected.end());
    decode(whole, tensor_of(with.shape, 1), back);
    CHECK(decoded(with, bytes, 1) == back);
  };
  for (const float bad : {inf, -inf, nan, max, -max, 1e30F}) {
    for (const std::size_t at :
         {std::size_t{0}, std::size_t{19}, std::size_t{20}, image.size() - 1}) {
      CAPTURE(bad);
      CAPTURE(at);
      auto values = image;
      values[at] = bad;
      is_plain(values, tables);
    }
  }
  is_plain(std::vector<float>(image.size(), nan), tables);
  is_plain(std::vector<float>(image.size(), max), tables);

  // A rate that codes nothing must not hide them either.
  KltTables nothing = test::klt_tables({1, 4, 3, 20});
  for (KltRate& rate : nothing.rates) {
    rate.components = 0;
    rate.classes.clear();
    rate.synthesis.clear();
    rate.prefix_classes.assign(rate.prefix_classes.size(), klt_never_coded);
  }
  nothing.prepare();
  CHECK(decoded(nothing, coded(nothing, image, 2), 1) == nothing.mean);
  auto values = image;
  values[5] = nan;
  is_plain(values, nothing);

  // Noise at steps far too fine would take more than 8 bits a value.
  KltTables fine = test::klt_tables({1, 4, 3, 20});
  for (KltRate& rate : fine.rates) rate.step = rate.prefix_step = 1e-4F;
  fine.prepare();
  is_plain(image, fine);
}

TEST_CASE("klt is never larger than ptq 8 and 4 bytes an image") {
  const KltTables tables = test::klt_tables({2, 3, 3, 16});
  for (const float scale : {0.0F, 1e-30F, 1.0F, 100.0F, 1e4F, 1e20F, 1e38F}) {
    auto values = test::klt_values(tables, 3);
    for (float& value : values) value *= scale;
    for (const int width : klt_widths) {
      CAPTURE(scale);
      const TensorShape shape = tensor_of(tables.shape, 3);
      const Bytes bytes = coded(tables, values, width);
      CHECK(bytes.size() <= max_bytes({CodecId::ptq, 8}, shape) + 3 * 4);
      CHECK(check_coded(bytes, shape) == klt(width));
      for (const float back : decoded(tables, bytes, 3)) REQUIRE(std::isfinite(back));
    }
  }
}

TEST_CASE("constant images keep their size small") {
  const KltTables tables = test::klt_tables({1, 4, 4, 32});
  std::vector<float> values = tables.mean;
  const Bytes bytes = coded(tables, values, 4);
  CHECK(bytes.size() < values.size() / 4);
  CHECK(decoded(tables, bytes, 1) == tables.mean);
  values.assign(values.size(), 2.5F);
  for (const float back : decoded(tables, coded(tables, values, 12), 1))
    REQUIRE(std::fabs(back - 2.5F) < 2.0F);
}

TEST_CASE("damaged bodies of klt are refused") {
  const KltTables tables = test::klt_tables({1, 3, 2, 10});
  auto values = test::klt_values(tables, 2);
  values[3] = INFINITY;  // the first image is plain
  const TensorShape shape = tensor_of(tables.shape, 2);
  const Bytes bytes = coded(tables, values, 6);
  CHECK(check_coded(bytes, shape) == klt(6));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_THROWS_AS(check_coded(std::span(bytes).first(size), shape), Error);
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  CHECK_THROWS_AS(check_coded(longer, shape), Error);
  for (std::size_t bit = 0; bit < 64; ++bit) {  // of the lengths
    if (bit == 31) continue;                    // what was plain is a stream: any bytes are one
    Bytes changed = bytes;
    changed[4 + bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    CHECK_THROWS_AS(check_coded(changed, shape), Error);
  }
  for (const float wrong : {-1.0F, INFINITY, std::nanf("")}) {  // the plain part's scale
    Bytes changed = bytes;
    std::memcpy(changed.data() + 12, &wrong, sizeof wrong);
    CHECK_THROWS_AS(check_coded(changed, shape), Error);
  }
}

TEST_CASE("a stream that klt coded before has an operating point of its own, if there is one") {
  const auto after = [](CodecSpec received, int chosen) {
    return klt_after(received, klt(chosen));
  };
  CHECK(after(klt(2), 2) == klt(2 + klt_chained));
  CHECK(after(klt(2 + klt_chained), 2) == klt(2 + klt_chained));
  CHECK(after(klt(2), 3) == klt(3 + klt_chained));
  CHECK(after(klt(4), 2) == klt(2));    // received finer
  CHECK(after(klt(2), 12) == klt(12));  // no such point
  CHECK(after({CodecId::ptq, 2}, 2) == klt(2));
  CHECK(klt_after(klt(2), {CodecId::ptq, 2}) == CodecSpec{CodecId::ptq, 2});

  const CodecSpec chained = klt(2 + klt_chained);
  CHECK(codec_text(chained) == "klt 0.5");
  CHECK(codec_widths(CodecId::klt) == std::vector<int>{2, 3, 4, 6, 8, 12});
  CHECK_FALSE(codec_valid(klt(12 + klt_chained)));
  CHECK(expected_bits(chained, {2, 17, 8}) == expected_bits(klt(2), {2, 17, 8}));

  KltTables tables = test::klt_tables({1, 4, 4, 8});
  const auto values = test::klt_values(tables, 1);
  const Bytes plain = coded(tables, values, 2), fallback = coded(tables, values, chained.bits);
  CHECK(read_coded_header(fallback) == chained);
  CHECK(Bytes(fallback.begin() + 4, fallback.end()) == Bytes(plain.begin() + 4, plain.end()));
  CHECK(decoded(tables, fallback, 1) == decoded(tables, plain, 1));

  KltRate own = *tables.rate(2);
  own.width = chained.bits;
  own.step /= 2;
  own.prefix_step /= 2;
  tables.rates.push_back(own);
  tables.prepare();
  const Bytes finer = coded(tables, values, chained.bits);
  CHECK(finer.size() > plain.size());
  test::KltReference reference(tables, tables.rates.back());
  CHECK(decoded(tables, finer, 1) == reference.decode(std::span(finer).subspan(8)));
  CHECK(coded(tables, values, 2) == plain);
}

TEST_CASE("klt needs tables of the tensor's shape and the width") {
  const KltTables tables = test::klt_tables({1, 4, 4, 8});
  KltTables few = tables;
  few.rates.pop_back();
  few.prepare();
  const auto values = test::klt_values(tables, 1);
  CHECK_THROWS_AS(coded(few, values, few.rates.empty() ? 2 : 12), Error);
  const TensorShape other{1, 8, 17};
  Context context;
  Bytes bytes;
  Coder wrong(context, other, {&tables, &tables}), none(context, tensor_of(tables.shape, 1));
  CHECK_THROWS_AS(wrong.encode(host_tensor(values, other), klt(4), bytes), Error);
  CHECK_THROWS_AS(none.encode(host_tensor(values, tensor_of(tables.shape, 1)), klt(4), bytes),
                  Error);
  std::vector<float> back(values.size());
  const Bytes sound = coded(tables, values, 4);
  CHECK_THROWS_AS(none.decode(sound, host_tensor(std::span(back), tensor_of(tables.shape, 1))),
                  Error);
  CHECK_THROWS_AS(decode(sound, tensor_of(tables.shape, 1), back), Error);
}

}  // namespace
}  // namespace quantring
