#include "ops/linear.h"

#include "ops/half.h"
#include "support.h"

using namespace quantring;
using test::half_ulp;
using test::Output;
using test::random_values;
using test::view;

namespace {

double apply(Activation activation, double x) {
  if (activation == Activation::gelu_erf) return x / 2 * std::erfc(-x / std::sqrt(2.0));
  if (activation == Activation::gelu_tanh) {
    return x / (1 + std::exp(-2 * std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
  }
  if (activation == Activation::gelu_quick) return x / (1 + std::exp(-1.702 * x));
  return x;
}

struct Case {
  std::int64_t rows, in, out;
  std::vector<float> x = random_values(rows * in, 1), weight = random_values(out * in, 2, 0.5f);
  std::vector<float> bias = random_values(out, 3);

  // y = activation(start + x W^T + b) in double, and the tolerance per element: the
  // roundings of a sum of n terms add up like a random walk, and no activation is steeper
  // than 1.13.
  std::vector<double> expected{}, tolerance{};
  void compute(Activation activation, const std::vector<float>* start, bool with_bias) {
    expected.clear();
    tolerance.clear();
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t o = 0; o < out; ++o) {
        double sum = with_bias ? static_cast<double>(bias[static_cast<std::size_t>(o)]) : 0;
        if (start) sum += static_cast<double>((*start)[static_cast<std::size_t>(r * out + o)]);
        double size = std::abs(sum);
        for (std::int64_t i = 0; i < in; ++i) {
          const double product = static_cast<double>(x[static_cast<std::size_t>(r * in + i)]) *
                                 static_cast<double>(weight[static_cast<std::size_t>(o * in + i)]);
          sum += product;
          size += std::abs(product);
        }
        expected.push_back(apply(activation, sum));
        tolerance.push_back((6 + std::sqrt(static_cast<double>(in))) * half_ulp * size);
      }
    }
  }
  void check(const Output& y) const {
    CHECK(y.guards_intact());
    test::check_close(y.values(), expected, [&](std::size_t i) { return tolerance[i]; });
  }
};

}  // namespace

TEST_CASE("linear: odd shapes, every activation, with and without bias") {
  Context context;
  for (const std::int64_t rows : {1, 3, 17, 50, 197}) {
    for (const auto& size : {std::pair{96, 200}, {200, 96}, {1, 1}, {7, 5}, {192, 10}}) {
      const std::int64_t in = size.first, out = size.second;
      Case c{.rows = rows, .in = in, .out = out};
      for (const bool with_bias : {false, true}) {
        const ConstTensor bias = with_bias ? view(c.bias, {out}) : ConstTensor{};
        const Linear layer(context, view(c.weight, {out, in}), bias);
        CHECK(layer.in() == in);
        CHECK(layer.out() == out);
        for (const Activation activation : {Activation::none, Activation::gelu_erf,
                                            Activation::gelu_tanh, Activation::gelu_quick}) {
          INFO(rows, " rows, ", in, " -> ", out, ", activation ", static_cast<int>(activation));
          c.compute(activation, nullptr, with_bias);
          Output y({rows, out});
          linear(context, view(c.x, {rows, in}), layer, activation, y.tensor());
          c.check(y);
        }
      }
    }
  }
}

TEST_CASE("linear_add accumulates") {
  Context context;
  for (const std::int64_t rows : {1, 17, 197}) {
    Case c{.rows = rows, .in = 100, .out = 75};
    const std::vector<float> start = random_values(rows * c.out, 4, 10);
    const Linear layer(context, view(c.weight, {c.out, c.in}), view(c.bias, {c.out}));
    c.compute(Activation::none, &start, true);
    Output y({rows, c.out}, start);
    linear_add(context, view(c.x, {rows, c.in}), layer, y.tensor());
    c.check(y);
  }
}

TEST_CASE("leading dimensions count as rows") {
  Context context;
  Case c{.rows = 6, .in = 8, .out = 4};
  const Linear layer(context, view(c.weight, {4, 8}), view(c.bias, {4}));
  c.compute(Activation::none, nullptr, true);
  Output y({3, 2, 4});
  linear(context, view(c.x, {2, 3, 8}), layer, Activation::none, y.tensor());
  c.check(y);
}

TEST_CASE("half-precision weights give the results of their f32 copies") {
  Context context;
  Case c{.rows = 5, .in = 33, .out = 70};
  std::vector<std::uint16_t> weight(c.weight.size()), bias(c.bias.size());
  floats_to_halves(c.weight.data(), weight.data(), weight.size());
  floats_to_halves(c.bias.data(), bias.data(), bias.size());
  const Linear half(context, {weight.data(), DType::f16, {70, 33}},
                    {bias.data(), DType::f16, {70}});
  halves_to_floats(weight.data(), c.weight.data(), weight.size());
  halves_to_floats(bias.data(), c.bias.data(), bias.size());
  const Linear wide(context, view(c.weight, {70, 33}), view(c.bias, {70}));
  Output a({5, 70}), b({5, 70});
  linear(context, view(c.x, {5, 33}), half, Activation::gelu_erf, a.tensor());
  linear(context, view(c.x, {5, 33}), wide, Activation::gelu_erf, b.tensor());
  CHECK(test::same_bits(a.values(), b.values()));
}

TEST_CASE("a scale per output is folded into weights and bias, f32 and f16") {
  for (const int threads : {1, 3}) {
    Context context(threads);
    for (const auto& size : {std::pair{33, 70}, {96, 200}, {1, 1}, {400, 48}}) {
      Case c{.rows = 5, .in = size.first, .out = size.second};
      INFO(c.in, " -> ", c.out, ", ", threads, " threads");
      const std::vector<float> scale = random_values(c.out, 5, 2);
      const std::vector<float> start = random_values(c.rows * c.out, 6);
      std::vector<std::uint16_t> weight(c.weight.size()), bias(c.bias.size());
      floats_to_halves(c.weight.data(), weight.data(), weight.size());
      floats_to_halves(c.bias.data(), bias.data(), bias.size());
      halves_to_floats(weight.data(), c.weight.data(), weight.size());
      halves_to_floats(bias.data(), c.bias.data(), bias.size());
      const ConstTensor wide_weight = view(c.weight, {c.out, c.in});
      const ConstTensor half_weight{weight.data(), DType::f16, {c.out, c.in}};
      const ConstTensor wide_bias = view(c.bias, {c.out});
      const ConstTensor half_bias{bias.data(), DType::f16, {c.out}};
      for (const bool with_bias : {true, false}) {
        const Linear wide(context, wide_weight, with_bias ? wide_bias : ConstTensor{},
                          view(scale, {c.out}));
        const Linear half(context, half_weight, with_bias ? half_bias : ConstTensor{},
                          view(scale, {c.out}));
        c.compute(Activation::none, nullptr, with_bias);
        for (std::size_t i = 0; i < c.expected.size(); ++i) {
          const double s = static_cast<double>(scale[i % scale.size()]);
          const double before = static_cast<double>(start[i]);
          c.expected[i] = before + s * c.expected[i];
          c.tolerance[i] = std::abs(s) * c.tolerance[i] + 4 * half_ulp * std::abs(before);
        }
        Output a({c.rows, c.out}, start), b({c.rows, c.out}, start);
        linear_add(context, view(c.x, {c.rows, c.in}), wide, a.tensor());
        linear_add(context, view(c.x, {c.rows, c.in}), half, b.tensor());
        c.check(a);
        CHECK(test::same_bits(a.values(), b.values()));
      }
    }
  }
}

TEST_CASE("same bits for any number of threads and any batch") {
  Context one;
  Case c{.rows = 3 * 50, .in = 400, .out = 300};
  const Linear layer(one, view(c.weight, {c.out, c.in}), view(c.bias, {c.out}));
  Output expected({c.rows, c.out});
  linear(one, view(c.x, {c.rows, c.in}), layer, Activation::gelu_erf, expected.tensor());
  for (const int threads : {2, 3, 5}) {
    Context context(threads);
    Output y({c.rows, c.out});
    linear(context, view(c.x, {c.rows, c.in}), layer, Activation::gelu_erf, y.tensor());
    CHECK(test::same_bits(y.values(), expected.values()));
  }
  for (const std::int64_t image : {0, 1, 2}) {
    Output y({50, c.out});
    const ConstTensor x{c.x.data() + image * 50 * c.in, DType::f32, {50, c.in}};
    linear(one, x, layer, Activation::gelu_erf, y.tensor());
    const auto count = static_cast<std::size_t>(50 * c.out);
    CHECK(test::same_bits(
        y.values(), expected.values().subspan(static_cast<std::size_t>(image) * count, count)));
  }
}

TEST_CASE("wrong shapes and types are refused, with the shapes in the message") {
  Context context;
  const std::vector<float> data(64, 1.0f);
  const Linear layer(context, view(data, {8, 8}), {});
  Output y({2, 8});
  CHECK_THROWS_WITH_AS(
      linear(context, {data.data(), DType::f32, {2, 7}}, layer, Activation::none, y.tensor()),
      "linear: x is f32 [2, 7], expected f32 [..., 8]", std::invalid_argument);
  CHECK_THROWS_AS(
      linear(context, {data.data(), DType::f16, {2, 8}}, layer, Activation::none, y.tensor()),
      std::invalid_argument);
  CHECK_THROWS_AS(
      linear(context, {data.data(), DType::f32, {3, 8}}, layer, Activation::none, y.tensor()),
      std::invalid_argument);
  CHECK_THROWS_AS(linear_add(context, {nullptr, DType::f32, {2, 8}}, layer, y.tensor()),
                  std::invalid_argument);
  CHECK_THROWS_AS(
      linear(context, {data.data(), DType::f32, {2, 8}}, Linear(), Activation::none, y.tensor()),
      std::invalid_argument);
  CHECK_THROWS_AS(Linear(context, {data.data(), DType::u8, {8, 8}}, {}), std::invalid_argument);
  CHECK_THROWS_AS(Linear(context, {data.data(), DType::f32, {64}}, {}), std::invalid_argument);
  CHECK_THROWS_AS(Linear(context, view(data, {8, 8}), {data.data(), DType::f32, {7}}),
                  std::invalid_argument);
  CHECK_THROWS_WITH_AS(Linear(context, view(data, {8, 8}), {}, {data.data(), DType::f32, {7}}),
                       "Linear: scale is f32 [7], expected f32 [8]", std::invalid_argument);
  CHECK_THROWS_AS(Linear(context, view(data, {8, 8}), {}, {data.data(), DType::f16, {8}}),
                  std::invalid_argument);
}
