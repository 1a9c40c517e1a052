// Layernorm of each head's queries and keys, against the formula in double.

#include "ops/attention.h"
#include "ops/base/error.h"
#include "support.h"

using namespace quantring;
using test::half_ulp;
using test::Output;
using test::random_values;
using test::view;

namespace {

constexpr float eps = 1e-5f;

struct Case {
  std::int64_t rows, dim, heads;
  std::int64_t d = dim / heads;
  std::vector<float> qkv = random_values(rows * 3 * dim, 1, 3);
  std::vector<float> q_gamma = random_values(d, 2), q_beta = random_values(d, 3);
  std::vector<float> k_gamma = random_values(d, 4), k_beta = random_values(d, 5);

  std::vector<double> expected() const {
    std::vector<double> y(qkv.begin(), qkv.end());
    const double n = static_cast<double>(d);
    // 2 * heads vectors of d in each row: queries, then keys; the values are unchanged.
    for (std::int64_t vector = 0; vector < rows * 3 * heads; ++vector) {
      const std::int64_t part = vector % (3 * heads) / heads;
      if (part == 2) continue;
      double* const v = y.data() + vector * d;
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < d; ++i) mean += v[i] / n;
      for (std::int64_t i = 0; i < d; ++i) variance += (v[i] - mean) * (v[i] - mean) / n;
      for (std::int64_t i = 0; i < d; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const double gamma = static_cast<double>(part == 0 ? q_gamma[at] : k_gamma[at]);
        const double beta = static_cast<double>(part == 0 ? q_beta[at] : k_beta[at]);
        v[i] = (v[i] - mean) / std::sqrt(variance + static_cast<double>(eps)) * gamma + beta;
      }
    }
    return y;
  }

  void run(Context& context, Output& out) const {
    qk_norm(context, out.tensor(), heads, view(q_gamma, {d}), view(q_beta, {d}), view(k_gamma, {d}),
            view(k_beta, {d}), eps);
  }
};

}  // namespace

TEST_CASE("qk_norm: odd shapes, the values unchanged") {
  for (const int threads : {1, 3}) {
    Context context(threads);
    for (const std::int64_t rows : {1, 3, 31, 33, 197}) {
      for (const auto& size : {std::pair{96, 3}, {192, 3}, {200, 5}, {35, 5}, {6, 6}, {17, 1}}) {
        const Case c{.rows = rows, .dim = size.first, .heads = size.second};
        INFO(rows, " rows, ", c.dim, " channels, ", c.heads, " heads, ", threads, " threads");
        Output y({rows, 3 * c.dim}, c.qkv);
        c.run(context, y);
        CHECK(y.guards_intact());
        // Normed values are at most sqrt(d); few channels can be almost equal, which makes the
        // rounding error of their mean large relative to their deviation.
        test::check_close(y.values(), c.expected(), [&](std::size_t i) {
          const bool value = static_cast<std::int64_t>(i) % (3 * c.dim) >= 2 * c.dim;
          return value ? 1e-30 : 1000 * half_ulp;
        });
      }
    }
  }
}

TEST_CASE("qk_norm: leading dimensions count as rows, same bits for any number of threads") {
  const Case c{.rows = 2 * 150, .dim = 128, .heads = 2};
  Context one;
  Output expected({c.rows, 3 * c.dim}, c.qkv);
  c.run(one, expected);
  for (const int threads : {1, 2, 5}) {
    Context context(threads);
    Output y({2, 150, 3 * c.dim}, c.qkv);
    c.run(context, y);
    CHECK(test::same_bits(y.values(), expected.values()));
  }
}

TEST_CASE("qk_norm: wrong arguments are refused") {
  Context context;
  const std::vector<float> data(64, 1.0f);
  const ConstTensor four{data.data(), DType::f32, {4}}, five{data.data(), DType::f32, {5}};
  Output good({2, 24}), uneven({2, 25});
  CHECK_THROWS_AS(qk_norm(context, good.tensor(), 3, four, four, four, four, eps), Error);
  CHECK_THROWS_AS(qk_norm(context, good.tensor(), 0, four, four, four, four, eps), Error);
  CHECK_THROWS_AS(qk_norm(context, uneven.tensor(), 2, four, four, four, four, eps),
                  std::invalid_argument);
  CHECK_THROWS_AS(qk_norm(context, good.tensor(), 2, five, four, four, four, eps),
                  std::invalid_argument);
  CHECK_THROWS_AS(qk_norm(context, good.tensor(), 2, four, five, four, four, eps),
                  std::invalid_argument);
  CHECK_THROWS_AS(qk_norm(context, good.tensor(), 2, four, four, five, four, eps),
                  std::invalid_argument);
  CHECK_THROWS_AS(qk_norm(context, good.tensor(), 2, four, four, four, five, eps),
                  std::invalid_argument);
}
