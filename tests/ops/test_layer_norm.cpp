#include "ops/layer_norm.h"

#include "ops/cpu/kernels.h"
#include "support.h"

using namespace quantring;
using test::half_ulp;
using test::Output;
using test::random_values;
using test::view;

namespace {

constexpr float eps = 1e-6f;

struct Case {
  Case(std::int64_t rows_, std::int64_t dim_, float offset) : rows(rows_), dim(dim_) {
    x = random_values(rows * dim, 1);
    for (float& value : x) value += offset;
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* const row = x.data() + r * dim;
      const double n = static_cast<double>(dim);
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < dim; ++i) mean += static_cast<double>(row[i]) / n;
      for (std::int64_t i = 0; i < dim; ++i) {
        variance += std::pow(static_cast<double>(row[i]) - mean, 2) / n;
      }
      const double deviation = std::sqrt(variance + static_cast<double>(eps));
      // The mean has the rounding error of a sum of dim terms of the size of the inputs, divided by
      // the deviation; all other errors are relative.
      const double size = 1 + std::abs(static_cast<double>(offset));
      const double mean_error = std::sqrt(n) * half_ulp * size / deviation;
      for (std::int64_t i = 0; i < dim; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const double scaled = (static_cast<double>(row[i]) - mean) / deviation;
        const double g = static_cast<double>(gamma[at]), b = static_cast<double>(beta[at]);
        expected.push_back(scaled * g + b);
        tolerance.push_back(mean_error * std::abs(g) +
                            (8 + std::sqrt(n)) * half_ulp * (std::abs(scaled * g) + std::abs(b)) +
                            1e-12);
      }
    }
  }
  void check(const Output& y) const {
    CHECK(y.guards_intact());
    test::check_close(y.values(), expected, [&](std::size_t i) { return tolerance[i]; });
  }
  std::int64_t rows, dim;
  std::vector<float> x, gamma = random_values(dim, 2), beta = random_values(dim, 3);
  std::vector<double> expected, tolerance;
};

}  // namespace

TEST_CASE("layer_norm: odd shapes, small and large mean, every instruction set") {
  const cpu::Kernels* sets[cpu::max_kernel_sets];
  const int set_count = cpu::available_kernels(sets);
  for (const std::int64_t rows : {1, 3, 17, 50, 197}) {
    for (const std::int64_t dim : {1, 5, 16, 50, 96, 192, 200}) {
      for (const float offset : {0.0f, 100.0f}) {
        INFO(rows, " rows of ", dim, " around ", offset);
        const Case c(rows, dim, offset);
        for (int i = 0; i < set_count; ++i) {
          INFO(std::string(sets[i]->name));
          Output y({rows, dim});
          sets[i]->layer_norm(c.x.data(), c.gamma.data(), c.beta.data(), eps, rows, dim,
                              y.tensor().f32());
          c.check(y);
        }
      }
    }
  }
}

TEST_CASE("layer_norm: in place, and the same bits for any number of threads") {
  const Case c(197, 200, 1);
  Context one;
  Output expected({1, 197, 200});
  layer_norm(one, view(c.x, {1, 197, 200}), view(c.gamma, {200}), view(c.beta, {200}), eps,
             expected.tensor());
  c.check(expected);
  for (const int threads : {1, 2, 3, 5}) {
    Context context(threads);
    Output y({1, 197, 200}, c.x);
    layer_norm(context, y.tensor(), view(c.gamma, {200}), view(c.beta, {200}), eps, y.tensor());
    CHECK(y.guards_intact());
    CHECK(test::same_bits(y.values(), expected.values()));
  }
}

TEST_CASE("layer_norm: a constant row gives beta, a NaN stays in its row") {
  Context context;
  std::vector<float> x(3 * 20, 7.0f);
  x[25] = std::nanf("");
  const std::vector<float> gamma = random_values(20, 1), beta = random_values(20, 2);
  Output y({3, 20});
  layer_norm(context, view(x, {3, 20}), view(gamma, {20}), view(beta, {20}), eps, y.tensor());
  for (std::size_t i = 0; i < 20; ++i) {
    CHECK(y.values()[i] == beta[i]);
    CHECK(std::isnan(y.values()[20 + i]));
    CHECK(y.values()[40 + i] == beta[i]);
  }
}

TEST_CASE("layer_norm: wrong shapes are refused") {
  Context context;
  const std::vector<float> data(64, 1.0f);
  Output y({2, 16});
  const ConstTensor sixteen{data.data(), DType::f32, {16}};
  const ConstTensor x{data.data(), DType::f32, {2, 16}};
  CHECK_THROWS_AS(layer_norm(context, x, sixteen, {data.data(), DType::f32, {15}}, eps, y.tensor()),
                  std::invalid_argument);
  CHECK_THROWS_AS(
      layer_norm(context, {data.data(), DType::f32, {2, 15}}, sixteen, sixteen, eps, y.tensor()),
      std::invalid_argument);
  CHECK_THROWS_AS(
      layer_norm(context, {data.data(), DType::f32, {3, 16}}, sixteen, sixteen, eps, y.tensor()),
      std::invalid_argument);
}
