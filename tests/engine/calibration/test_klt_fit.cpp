// Operating points and decoders of codec klt, fitted to streams of known statistics.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/calibration/klt_basis.h"
#include "engine/calibration/klt_decoder.h"
#include "engine/calibration/klt_rate.h"
#include "engine/codec/codec_file.h"
#include "engine/codec/coder.h"

using namespace quantring;

namespace {

constexpr KltShape shape{.prefix = 1, .rows = 6, .cols = 5, .dim = 16};
constexpr std::size_t images = 48, each = 31 * 16;

// Smooth planes, components of falling variance, mixed by a random matrix.
std::vector<float> streams(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::mt19937_64 fixed(7);
  std::vector<float> mixing(shape.dim * shape.dim);
  for (float& value : mixing) value = normal(fixed);
  std::vector<float> all(images * each);
  for (std::size_t i = 0; i < images; ++i) {
    std::vector<float> components(each);
    for (std::size_t k = 0; k < shape.dim; ++k) {
      const float size = std::pow(0.7F, static_cast<float>(k));
      const float slope = normal(random), level = normal(random);
      for (std::size_t t = 0; t < shape.tokens(); ++t)
        components[t * shape.dim + k] =
            size * (level + slope * static_cast<float>(t) / 20 + 0.3F * normal(random));
    }
    for (std::size_t t = 0; t < shape.tokens(); ++t)
      for (std::size_t d = 0; d < shape.dim; ++d)
        for (std::size_t k = 0; k < shape.dim; ++k)
          all[i * each + t * shape.dim + d] +=
              components[t * shape.dim + k] * mixing[k * shape.dim + d];
  }
  return all;
}

CutStatistics statistics_of(const std::vector<float>& all) {
  CutStatistics result;
  result.images = images;
  std::vector<double> mean(each);
  for (std::size_t i = 0; i < all.size(); ++i) mean[i % each] += double{all[i]} / images;
  result.mean.assign(mean.begin(), mean.end());
  result.covariance.resize(shape.dim * shape.dim);
  result.fisher.resize(shape.dim * shape.dim);
  for (std::size_t i = 0; i < shape.dim; ++i)
    result.fisher[i * shape.dim + i] = 1e-6 * static_cast<double>(i + 1);
  for (std::size_t r = 0; r < images * shape.tokens(); ++r) {
    const std::size_t token = r % shape.tokens();
    if (token < shape.prefix) continue;
    const auto x = [&](std::size_t d) {
      return double{all[r * shape.dim + d]} - mean[token * shape.dim + d];
    };
    for (std::size_t i = 0; i < shape.dim; ++i)
      for (std::size_t k = 0; k < shape.dim; ++k)
        result.covariance[i * shape.dim + k] +=
            x(i) * x(k) / static_cast<double>(images * shape.patches());
  }
  return result;
}

struct Fitted {
  std::vector<float> training = streams(1);
  KltTables tables = klt_basis(shape, statistics_of(training));

  Fitted() {
    tables.prepare();
    KltCoefficients all;
    all.images = images;
    std::vector<float> prefix, patches, work;
    for (std::size_t i = 0; i < images; ++i) {
      tables.analyse(training.data() + i * each, shape.dim, prefix, patches, work);
      all.prefix.insert(all.prefix.end(), prefix.begin(), prefix.end());
      all.patches.insert(all.patches.end(), patches.begin(), patches.end());
    }
    for (const int width : {2, 3, 4, 6, 8, 12})
      tables.rates.push_back(fit_klt_rate(tables, all, width));
    tables.prepare();
  }
};

const Fitted& fitted() {
  static const Fitted once;
  return once;
}

// Mean square of the difference, of patches.
double error_of(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (i % each >= shape.dim) sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  return sum / static_cast<double>(a.size());
}

struct Coded {
  double bits;  // per element, without what begins the stream and the message
  std::vector<float> received;
};

Coded code(const KltTables& tables, int width, const std::vector<float>& sent) {
  Context context;
  const TensorShape tensor{images, 31, 16};
  Coder coder(context, tensor, {&tables, &tables});
  std::vector<std::byte> coded;
  const CodecSpec spec{CodecId::klt, static_cast<std::uint8_t>(width)};
  coder.encode(host_tensor(std::span<const float>(sent), tensor), spec, coded);
  Coded result;
  result.received.resize(sent.size());
  coder.decode(coded, host_tensor(std::span(result.received), tensor));
  const auto side = 4 + images * (4 + 4 * static_cast<std::size_t>(tables.rate(width)->lanes));
  result.bits = 8.0 * static_cast<double>(coded.size() - side) / static_cast<double>(sent.size());
  return result;
}

}  // namespace

TEST_CASE("a fitted rate takes its bits, and more bits are closer") {
  const Fitted& f = fitted();
  double before = 1e30;
  for (const int width : {2, 3, 4, 6, 8, 12}) {
    CAPTURE(width);
    const Coded coded = code(f.tables, width, f.training);
    // The last states of the coder's lanes, 4 bytes each, hold a part of the symbols.
    const double states = 32.0 * f.tables.rate(width)->lanes / static_cast<double>(each);
    CHECK(coded.bits + states > 0.25 * width * 0.95);
    CHECK(coded.bits < 0.25 * width * 1.05);
    const double error = error_of(f.training, coded.received);
    CHECK(error < before);
    before = error;
  }
}

TEST_CASE("the transform beats a uniform grid of as many bits") {
  const Fitted& f = fitted();
  const std::vector<float> others = streams(2);
  std::vector<std::byte> coded;
  std::vector<float> received(others.size());
  encode(others, {images, 31, 16}, {CodecId::ptq, 4}, coded);
  decode(coded, {images, 31, 16}, received);
  CHECK(error_of(others, code(f.tables, 8, others).received) < error_of(others, received));
}

TEST_CASE("thresholds ascend and lie between their integers' neighbours") {
  for (const KltRate& rate : fitted().tables.rates) {
    for (std::size_t i = 0; i < rate.thresholds.size(); ++i) {
      const std::size_t m = i % (klt_escape - 1);
      CHECK(rate.thresholds[i] >= static_cast<float>(m));
      CHECK(rate.thresholds[i] <= static_cast<float>(m) + 2);
      if (m > 0) CHECK(rate.thresholds[i] >= rate.thresholds[i - 1]);
    }
  }
}

TEST_CASE("a fitted decoder is closer to the clean stream") {
  KltTables tables = fitted().tables;
  const std::vector<float>& clean = fitted().training;
  // What links further up did: everything is shrunk, with noise.
  std::mt19937_64 random(3);
  std::normal_distribution<float> noise(0, 0.2F);
  std::vector<float> sent = clean;
  for (float& value : sent) value = 0.8F * value + noise(random);
  const double plain = error_of(clean, code(tables, 4, sent).received);
  Context context(2);
  std::vector<float> received = sent;
  KltRate& rate = tables.rates[2];
  REQUIRE(rate.width == 4);
  fit_klt_decoder(context, tables, rate, clean, received);
  tables.prepare();
  const double better = error_of(clean, code(tables, 4, sent).received);
  CHECK(better < 0.8 * plain);
  // What it leaves behind is what a receiver decodes.
  CHECK(received == code(tables, 4, sent).received);
}

TEST_CASE("solve_symmetric solves") {
  constexpr std::size_t n = 9, columns = 4;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  std::vector<double> root(n * n), a(n * n), x(n * columns), b(n * columns);
  for (double& value : root) value = normal(random);
  for (double& value : x) value = normal(random);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k) {
      a[i * n + k] = i == k ? 0.1 : 0;
      for (std::size_t j = 0; j < n; ++j) a[i * n + k] += root[i * n + j] * root[k * n + j];
    }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t c = 0; c < columns; ++c)
        b[i * columns + c] += a[i * n + k] * x[k * columns + c];
  solve_symmetric(a, n, b, columns);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(b[i] == doctest::Approx(x[i]).epsilon(1e-8));
}
