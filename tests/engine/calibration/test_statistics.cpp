// Means, covariances and Fisher matrices against two passes in double.

#include "engine/calibration/statistics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <stdexcept>

#include "engine/model/random_model.h"
#include "tests/engine/model/architectures.h"
#include "tests/support/temp_folder.h"

using namespace quantring;

namespace {

struct Sizes {
  std::size_t tokens, prefix, dim;
};

double wide(float value) {
  return static_cast<double>(value);
}

// x and g: [images, tokens, dim].
CutStatistics reference(const std::vector<float>& x, const std::vector<float>& g, Sizes sizes) {
  const auto [tokens, prefix, dim] = sizes;
  const std::size_t images = x.size() / (tokens * dim);
  CutStatistics result;
  result.images = images;
  std::vector<double> mean(tokens * dim);
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean[i % mean.size()] += wide(x[i]) / static_cast<double>(images);
  }
  for (const double value : mean) result.mean.push_back(static_cast<float>(value));
  result.covariance.resize(dim * dim);
  result.fisher.resize(dim * dim);
  const double rows = static_cast<double>(images * (tokens - prefix));
  for (std::size_t row = 0; row < images * tokens; ++row) {
    const std::size_t token = row % tokens;
    if (token < prefix) continue;
    for (std::size_t i = 0; i < dim; ++i) {
      const double xi = wide(x[row * dim + i]) - mean[token * dim + i];
      for (std::size_t j = 0; j < dim; ++j) {
        const double xj = wide(x[row * dim + j]) - mean[token * dim + j];
        result.covariance[i * dim + j] += xi * xj / rows;
        result.fisher[i * dim + j] += wide(g[row * dim + i]) * wide(g[row * dim + j]) / rows;
      }
    }
  }
  return result;
}

template <class Value>
double largest(const std::vector<Value>& values) {
  double result = 0;
  for (const Value value : values) result = std::max(result, std::abs(static_cast<double>(value)));
  return result;
}

template <class Value>
double difference(const std::vector<Value>& a, const std::vector<Value>& b) {
  REQUIRE(a.size() == b.size());
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    result = std::max(result, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return result;
}

void check_near(const CutStatistics& actual, const CutStatistics& expected) {
  CHECK(actual.images == expected.images);
  CHECK(difference(actual.mean, expected.mean) <= 1e-7 * largest(expected.mean));
  CHECK(difference(actual.covariance, expected.covariance) <= 3e-6 * largest(expected.covariance));
  CHECK(difference(actual.fisher, expected.fisher) <= 3e-6 * largest(expected.fisher));
  const std::size_t dim = static_cast<std::size_t>(std::sqrt(expected.fisher.size()));
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      REQUIRE(actual.covariance[i * dim + j] == actual.covariance[j * dim + i]);
      REQUIRE(actual.fisher[i * dim + j] == actual.fisher[j * dim + i]);
    }
  }
}

}  // namespace

TEST_CASE("sums over batches of any size are those of two passes, means being large or not") {
  std::mt19937 random(1);
  const auto uniform = [&] { return static_cast<float>(random() >> 8) / 8388608.0f - 1.0f; };
  for (const Sizes sizes :
       {Sizes{4, 1, 1}, Sizes{5, 0, 7}, Sizes{100, 3, 48}, Sizes{9, 2, 49}, Sizes{7, 5, 130}}) {
    for (const float offset : {0.0f, 1000.0f}) {
      INFO("dim ", sizes.dim, ", offset ", offset);
      const std::size_t each = sizes.tokens * sizes.dim;
      std::vector<float> x(9 * each), g(9 * each);
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = uniform() + offset * std::sin(static_cast<float>(i % each));
        g[i] = 1e-6f * uniform();
      }
      Context context(2);
      StatisticsSum sum(context, static_cast<std::int64_t>(sizes.tokens),
                        static_cast<std::int64_t>(sizes.prefix),
                        static_cast<std::int64_t>(sizes.dim), 2);
      std::size_t first = 0;
      for (const std::size_t images : {1u, 5u, 3u}) {
        sum.add(1, std::span(x).subspan(first * each, images * each),
                std::span(g).subspan(first * each, images * each));
        first += images;
      }
      check_near(sum.result(1), reference(x, g, sizes));
      CHECK_THROWS_AS(sum.result(0), std::logic_error);
      CHECK_THROWS_AS(sum.add(0, std::span(x).first(each + 1), std::span(g).first(each + 1)),
                      std::invalid_argument);
      CHECK_THROWS_AS(sum.add(0, std::span(x).first(each), g), std::invalid_argument);
    }
  }
}

TEST_CASE("one picture has no variance") {
  Context context;
  StatisticsSum sum(context, 3, 1, 2, 1);
  const std::vector<float> x{9, 9, 1, 2, 3, 4}, g{9, 9, 1, 0, 3, 0};
  sum.add(0, x, g);
  const CutStatistics result = sum.result(0);
  CHECK(result.mean == x);
  CHECK(result.covariance == std::vector<double>(4));
  CHECK(result.fisher == std::vector<double>{5, 0, 0, 0});
}

TEST_CASE("a model's statistics are those of its streams and gradients") {
  const TempFolder folder;
  const Architecture a = test::all_architectures().back().architecture;
  write_random_model(folder / "model.safetensors", a, StorageType::f32, 2);
  const ModelFile model(folder / "model.safetensors");
  const std::size_t each = static_cast<std::size_t>(a.channels * a.image_height * a.image_width);
  std::vector<std::byte> pixels(5 * each);
  std::mt19937 random(3);
  for (std::byte& pixel : pixels) pixel = static_cast<std::byte>(random() & 255);

  const std::vector<int> cuts{4, 1};
  std::vector<std::vector<float>> x(6), g(6);
  Context context;
  ActivationGradients(context, model, 5)
      .run(pixels, 5, 40,
           [&](int cut, std::span<const float> values, std::span<const float> slope) {
             x[static_cast<std::size_t>(cut)].assign(values.begin(), values.end());
             g[static_cast<std::size_t>(cut)].assign(slope.begin(), slope.end());
           });
  std::vector<CutStatistics> first;
  for (const int threads : {1, 3}) {
    Context pool(threads);
    ModelStatistics statistics(pool, model, cuts, 2, 40);
    for (const std::size_t start : {0u, 2u, 4u}) {
      const std::size_t images = std::min<std::size_t>(2, 5 - start);
      statistics.add(std::span(pixels).subspan(start * each, images * each),
                     static_cast<int>(images));
    }
    CHECK(statistics.images() == 5);
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const auto cut = static_cast<std::size_t>(cuts[i]);
      const CutStatistics result = statistics.result(i);
      check_near(result, reference(x[cut], g[cut],
                                   {static_cast<std::size_t>(a.tokens()),
                                    static_cast<std::size_t>(a.prefix_tokens()),
                                    static_cast<std::size_t>(a.dim)}));
      if (threads == 1) {
        first.push_back(result);
      } else {
        CHECK(result.mean == first[i].mean);
        CHECK(result.covariance == first[i].covariance);
        CHECK(result.fisher == first[i].fisher);
      }
    }
  }
  for (const int cut : {0, 6}) {
    CHECK_THROWS_AS(ModelStatistics(context, model, {cut}, 1, 0), std::invalid_argument);
  }
}
