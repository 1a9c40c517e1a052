// tah and tah2: bytes and values against a slow reference written from the formulas; values that
// are not finite, tiles without a spread, lengths, and bodies that are refused.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/codec.h"
#include "ops/base/error.h"
#include "tests/engine/codec/coded_bytes.h"
#include "tests/engine/codec/slow_tah.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::Bytes;
using test::error_of;
using test::SlowTah;
using test::Values;

constexpr float infinity = std::numeric_limits<float>::infinity();

CodecSpec tah(int bits) {
  return {CodecId::tah, static_cast<std::uint8_t>(bits)};
}
CodecSpec tah2(int bits) {
  return {CodecId::tah2, static_cast<std::uint8_t>(bits)};
}

// Heavy-tailed, and an outlier in some of the tiles.
Values residual(TensorShape shape, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.1F, 1.0F);
  Values values(shape.elements());
  for (float& x : values) x = normal(random) * std::exp(normal(random) / 2);
  for (float& x : values)
    if (random() % 200 == 0) x *= 30;
  return values;
}

Bytes coded(const Values& values, TensorShape shape, CodecSpec spec) {
  Bytes bytes;
  encode(values, shape, spec, bytes);
  return bytes;
}

Values back(const Bytes& bytes, TensorShape shape) {
  Values values(shape.elements(), -1.0F);
  decode(bytes, shape, values);
  return values;
}

TEST_CASE("codes, grids, flags and pivots are those of the slow reference") {
  std::size_t turned = 0, low = 0;
  for (const std::uint32_t dim : {192, 64, 128, 100, 66, 65, 32, 13, 2, 1}) {
    for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
      for (const CodecSpec spec : {tah(bits), tah2(bits)}) {
        const TensorShape shape{1, 37, dim};
        CAPTURE(codec_text(spec));
        CAPTURE(dim);
        const Values values = residual(shape, dim + static_cast<unsigned>(bits));
        const SlowTah slow(spec, shape);
        const Bytes bytes = coded(values, shape, spec);
        CHECK(bytes == slow.coded(values));
        CHECK(back(bytes, shape) == slow.decoded(values));
        for (const auto& tile : slow.image(values)) {
          turned += tile.turned;
          low += tile.low;
        }
      }
    }
  }
  CHECK(turned > 500);
  CHECK(low > 1000);
}

TEST_CASE("images of a batch are coded as each alone, with any number of threads") {
  const TensorShape shape{3, 20, 136}, one{1, 20, 136};
  const Values values = residual(shape, 5);
  for (const CodecSpec spec : {tah(4), tah2(3)}) {
    const Bytes together = coded(values, shape, spec);
    CHECK(together == SlowTah(spec, shape).coded(values));
    const Values all = back(together, shape);
    for (std::size_t image = 0; image < 3; ++image) {
      const std::size_t each = one.elements();
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(image * each);
      const Values alone(begin, begin + static_cast<std::ptrdiff_t>(each));
      const Values single = back(coded(alone, one, spec), one);
      CHECK(std::equal(single.begin(), single.end(),
                       all.begin() + static_cast<std::ptrdiff_t>(image * each)));
    }
  }
}

TEST_CASE("the reference's transform is the matrix of signs") {
  Values x(64);
  for (std::size_t i = 0; i < 64; ++i) x[i] = static_cast<float>(i * i % 17) - 8;
  const Values y = test::hadamard(x);
  for (std::size_t i = 0; i < 64; ++i) {
    float sum = 0;
    for (std::size_t j = 0; j < 64; ++j) sum += __builtin_parityll(i & j) != 0 ? -x[j] : x[j];
    CHECK(y[i] == sum);  // integers: exact
  }
}

TEST_CASE("tokens with one large channel have little entropy and get one bit less") {
  const TensorShape shape{1, 10, 64};
  Values values(640);
  for (std::size_t i = 0; i < 640; ++i) values[i] = 1.0F + static_cast<float>(i % 7);
  values[3 * 64 + 5] = 1000;
  values[8 * 64 + 60] = -1000;
  const Bytes bytes = coded(values, shape, tah(4));
  std::uint32_t low = 0;
  std::memcpy(&low, bytes.data() + 4, 4);
  CHECK(low == 2);
  const std::size_t flags = 4 + 4 + 10 * 4;
  CHECK(bytes[flags] == std::byte{1 << 3});
  CHECK(bytes[flags + 1] == std::byte{1 << 0});
  CHECK(bytes[flags + 2] == std::byte{1 << 3});  // the same two are rotated
  CHECK(bytes[flags + 3] == std::byte{1 << 0});
  CHECK(bytes.size() == flags + 4 + 2 * 24 + 8 * 32 + 2);
  // Pivots 5 and 60.
  CHECK(bytes[bytes.size() - 2] == std::byte{(5 | 60 << 6) & 255});
  CHECK(bytes.back() == std::byte{60 >> 2});
}

TEST_CASE("a tie of twice the second rotates in version 1 alone, and zeros never do") {
  Values values(64, 1.0F);
  const TensorShape shape{1, 1, 64};
  const std::size_t turned = 4 + 4 + 4 + 1;
  values[9] = -2;
  CHECK(coded(values, shape, tah(4))[turned] == std::byte{1});
  CHECK(coded(values, shape, tah2(4))[turned] == std::byte{0});
  const Values zeros(64, 0.0F);
  for (const CodecSpec spec : {tah(4), tah2(4)}) {
    const Bytes bytes = coded(zeros, shape, spec);
    CHECK(bytes[turned] == std::byte{0});
    CHECK(back(bytes, shape) == zeros);
  }
}

TEST_CASE("a constant tile comes back as its half, and one bit is enough for two values") {
  const TensorShape shape{1, 3, 64};
  for (const CodecSpec spec : {tah(2), tah2(2), tah(8)}) {
    CHECK(back(coded(Values(192, -1.75F), shape, spec), shape) == Values(192, -1.75F));
    Values two(192, 0.5F);
    for (std::size_t i = 0; i < 192; i += 3) two[i] = 0.875F;
    const Values got = back(coded(two, shape, spec), shape);
    for (std::size_t i = 0; i < 192; ++i) CHECK(std::abs(got[i] - two[i]) <= 1e-3F);
  }
}

TEST_CASE("what is not finite becomes the tile's extremes; nothing finite, and all too large") {
  const TensorShape shape{1, 2, 64};
  Values values(128);
  for (std::size_t i = 0; i < 128; ++i) values[i] = static_cast<float>(i % 11) - 5;
  Values clean = values;
  values[7] = std::nanf("");
  values[20] = -infinity;
  values[33] = infinity;
  clean[7] = clean[20] = -5;
  clean[33] = 5;
  for (const CodecSpec spec : {tah(4), tah2(4)}) {
    CHECK(coded(values, shape, spec) == coded(clean, shape, spec));
    Values nothing(128, infinity);
    for (std::size_t i = 0; i < 128; i += 2) nothing[i] = std::nanf("");
    CHECK(back(coded(nothing, shape, spec), shape) == Values(128, 0.0F));
    Values huge(128, 3e38F);
    huge[5] = -3e38F;
    huge[70] = 0;
    const Values got = back(coded(huge, shape, spec), shape);
    for (const float x : got) CHECK(std::isfinite(x));
    CHECK(got[5] < 0);
  }
}

TEST_CASE("197 tokens of 768 take the published bits") {
  const TensorShape shape{1, 197, 768};
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  Values values(shape.elements());
  for (float& x : values) x = normal(random);
  const auto bits = [&](CodecSpec spec) {
    return 8.0 * static_cast<double>(coded(values, shape, spec).size()) /
           static_cast<double>(shape.elements());
  };
  // Almost no tile of a normal distribution is rotated: + 0.094 times their share.
  CHECK(bits(tah(4)) == doctest::Approx(4.319).epsilon(0.001));
  CHECK(bits(tah2(4)) == doctest::Approx(4.331).epsilon(0.001));
  for (const CodecSpec spec : {tah(4), tah2(4), tah(3)}) {
    const double expected = expected_bits(spec, shape) / static_cast<double>(shape.elements());
    CHECK(std::abs(bits(spec) - expected) < 0.02);
  }
}

TEST_CASE("a malformed body is refused, and every other one decodes to finite values") {
  const TensorShape shape{2, 11, 96};  // each token's last tile has 32 values
  Values values = residual(shape, 1);
  values[64] = 1000;  // the first short tile is rotated
  for (const CodecSpec spec : {tah(4), tah2(4)}) {
    CAPTURE(codec_text(spec));
    const Bytes good = coded(values, shape, spec);
    const std::size_t grids = 4 + 8, flags = grids + 2 * 22 * 4, turned = flags + 2 * 2;
    const auto refused = [&](const std::function<void(Bytes&)>& break_it, const char* reason) {
      Bytes bad = good;
      break_it(bad);
      const std::string text = error_of([&] { back(bad, shape); });
      CAPTURE(text);
      CHECK(text.find(reason) != std::string::npos);
    };
    for (std::size_t bytes = 4; bytes < good.size(); ++bytes)
      refused([&](Bytes& bad) { bad.resize(bytes); }, "tiles: the length");
    refused([](Bytes& bad) { bad.push_back(std::byte{0}); }, "tiles: the length");
    refused([](Bytes& bad) { bad[4] ^= std::byte{1}; }, "flags and their number");
    refused([](Bytes& bad) { bad[7] = std::byte{255}; }, "flags and their number");
    refused([&](Bytes& bad) { bad[flags + 1] |= std::byte{128}; }, "behind the last");
    refused([&](Bytes& bad) { bad[turned + 2] |= std::byte{128}; }, "behind the last");
    refused([&](Bytes& bad) { bad[grids + 1] = std::byte{0x7c}; }, "must be finite");
    refused([&](Bytes& bad) { bad[grids + 3] = std::byte{0xfc}; }, "must be finite");
    refused([&](Bytes& bad) { bad[grids + 3] = std::byte{0xbc}; }, "not negative");
    std::mt19937 random(4);
    std::size_t decoded = 0;
    for (int run = 0; run < 3000; ++run) {
      Bytes any = good;
      any[4 + random() % (any.size() - 4)] = static_cast<std::byte>(random());
      try {
        for (const float x : back(any, shape)) CHECK(std::isfinite(x));
        ++decoded;
      } catch (const Error&) {
      }
    }
    CHECK(decoded > 100);
  }
  // A pivot outside of a short tile, and the rotation of one that is not a power of two long.
  Values one(20, 0.0F);
  one[3] = 1;
  const TensorShape short_tile{1, 1, 32}, odd{1, 1, 20};
  Bytes bytes = coded(
      [&] {
        Values all(32, 0.0F);
        all[3] = 1;
        return all;
      }(),
      short_tile, tah(4));
  CHECK(bytes.back() == std::byte{3});
  bytes.back() = std::byte{32};
  CHECK(error_of([&] { back(bytes, short_tile); }).find("cannot be") != std::string::npos);
  bytes = coded(one, odd, tah(4));
  bytes[4 + 4 + 4 + 1] = std::byte{1};
  bytes.push_back(std::byte{0});
  CHECK(error_of([&] { back(bytes, odd); }).find("cannot be") != std::string::npos);
}

}  // namespace
}  // namespace quantring
