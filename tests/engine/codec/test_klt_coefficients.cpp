// Coefficients to symbols and back: thresholds, signs, escapes, classes that are never coded.
#include <cmath>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/klt/coefficients.h"
#include "tests/support/klt_tables.h"

namespace quantring {
namespace {

// No prefix, a grid of one patch: a coefficient per component, class 20.
KltTables one_patch(std::size_t dim) {
  KltTables tables = test::klt_tables({0, 1, 1, dim});
  for (KltRate& rate : tables.rates) {
    rate.components = dim;
    rate.classes.assign(klt_bands * dim, 20);
    rate.synthesis = tables.synthesis;
    rate.step = 0.5F;
  }
  tables.prepare();
  return tables;
}

struct Coded {
  bool sound = false;
  std::vector<std::byte> part;
  std::vector<float> back;
};

Coded through(const KltTables& tables, const std::vector<float>& patches) {
  const KltRate& rate = tables.rates[0];
  Coded coded;
  coded.sound = code_coefficients(rate, {}, patches, coded.part);
  if (!coded.sound) return coded;
  std::vector<float> prefix;
  coded.back.resize(patches.size(), 9.0F);
  decode_coefficients(rate, coded.part, prefix, coded.back);
  return coded;
}

TEST_CASE("a magnitude is at least m from its threshold on") {
  const KltTables tables = one_patch(1);
  const KltRate& rate = tables.rates[0];
  for (int m = 1; m < klt_escape; ++m) {
    const float threshold = rate.thresholds[static_cast<std::size_t>(20 * 14 + m - 1)];
    const auto decoded = [&](int magnitude) {
      if (magnitude == 0) return 0.0F;
      if (magnitude <= 2) return rate.points[static_cast<std::size_t>(magnitude - 1)] * rate.step;
      return (static_cast<float>(magnitude) + rate.points[2]) * rate.step;
    };
    for (const float sign : {1.0F, -1.0F}) {
      const float below = std::nextafter(threshold, 0.0F);
      CHECK(through(tables, {sign * below * rate.step}).back ==
            std::vector<float>{sign * decoded(m - 1)});
      CHECK(through(tables, {sign * threshold * rate.step}).back ==
            std::vector<float>{sign * decoded(m)});
    }
  }
}

TEST_CASE("large magnitudes are escaped") {
  const KltTables tables = one_patch(1);
  const KltRate& rate = tables.rates[0];
  for (const int m : {13, 14, 15, 16, 22, 23, 150, 151, 1000, 1 << 19, (1 << 20) - 1}) {
    for (const int sign : {1, -1}) {
      CAPTURE(sign * m);
      const auto coded = through(tables, {static_cast<float>(sign * m) * rate.step});
      REQUIRE(coded.sound);
      CHECK(coded.back[0] ==
            static_cast<float>(sign) * (static_cast<float>(m) + rate.points[2]) * rate.step);
    }
  }
}

TEST_CASE("what is too large or not a number is not coded") {
  const KltTables tables = one_patch(3);
  for (const float bad :
       {std::ldexp(0.5F, 20), -std::ldexp(0.5F, 20), INFINITY, -INFINITY, std::nanf(""), 3e38F}) {
    for (std::size_t i = 0; i < 3; ++i) {
      std::vector<float> patches(3, 1.0F);
      patches[i] = bad;
      CHECK_FALSE(through(tables, patches).sound);
      patches.assign(3, 0.0F);
      patches[i] = bad;
      CHECK_FALSE(through(tables, patches).sound);
    }
  }
}

TEST_CASE("a class that is never coded takes no symbol") {
  KltTables tables = one_patch(4);
  for (KltRate& rate : tables.rates)
    for (std::size_t i = 0; i < rate.classes.size(); i += 2) rate.classes[i] = klt_never_coded;
  tables.prepare();
  CHECK(tables.rates[0].coded == std::vector<std::uint32_t>{1, 3});
  const auto coded = through(tables, {50.0F, 1.0F, -50.0F, -0.0F});
  CHECK(coded.back == std::vector<float>{0, tables.rates[0].points[1] * 0.5F, 0, 0});
}

TEST_CASE("coefficients come back from any number of streams, escaped ones too") {
  std::mt19937 random(4);
  for (const std::size_t dim : {1U, 2U, 7U, 8U, 9U, 64U, 515U}) {
    for (const int lanes : {1, 5, 32, 64, 96, 256}) {
      KltTables tables = one_patch(dim);
      for (KltRate& rate : tables.rates) rate.lanes = lanes;
      tables.prepare();
      CAPTURE(dim);
      CAPTURE(lanes);
      std::vector<float> patches(dim), expected(dim);
      for (std::size_t i = 0; i < dim; ++i) {
        const int bits = static_cast<int>(random() % 20);
        const auto m = static_cast<float>(random() % (1U << bits));
        const float sign = random() % 2 == 0 ? 1.0F : -1.0F;
        const auto& points = tables.rates[0].points;
        patches[i] = sign * m * 0.5F;
        expected[i] =
            m == 0
                ? 0
                : sign * 0.5F * (m <= 2 ? points[static_cast<std::size_t>(m) - 1] : m + points[2]);
      }
      CHECK(through(tables, patches).back == expected);
    }
  }
}

TEST_CASE("any bytes decode to some coefficients") {
  std::mt19937 random(6);
  for (const int lanes : {1, 32, 128}) {
    KltTables tables = one_patch(100);
    for (KltRate& rate : tables.rates) rate.lanes = lanes;
    tables.prepare();
    std::vector<float> prefix, patches(100);
    for (int run = 0; run < 300; ++run) {
      std::vector<std::byte> part(random() % 700);
      for (auto& byte : part) byte = static_cast<std::byte>(run % 3 == 0 ? 0xff : random());
      decode_coefficients(tables.rates[0], part, prefix, patches);
      for (const float value : patches) REQUIRE(std::isfinite(value));
    }
  }
}

}  // namespace
}  // namespace quantring
