#include "ops/attention.h"

#include "ops/base/error.h"
#include "support.h"

using namespace quantring;
using test::half_ulp;
using test::Output;
using test::random_values;
using test::view;

namespace {

// Scores of up to a few units, so that the weights are far from equal.
constexpr float scale_of_inputs = 3;

std::vector<double> reference(const std::vector<float>& qkv, std::int64_t images,
                              std::int64_t tokens, std::int64_t dim, std::int64_t heads) {
  const std::int64_t d = dim / heads;
  const auto at = [&](std::int64_t image, std::int64_t token, std::int64_t column) {
    return static_cast<double>(
        qkv[static_cast<std::size_t>((image * tokens + token) * 3 * dim + column)]);
  };
  std::vector<double> out(static_cast<std::size_t>(images * tokens * dim));
  std::vector<double> weights(static_cast<std::size_t>(tokens));
  for (std::int64_t image = 0; image < images; ++image) {
    for (std::int64_t head = 0; head < heads; ++head) {
      for (std::int64_t query = 0; query < tokens; ++query) {
        double top = -HUGE_VAL, sum = 0;
        for (std::int64_t key = 0; key < tokens; ++key) {
          double score = 0;
          for (std::int64_t i = 0; i < d; ++i) {
            score += at(image, query, head * d + i) * at(image, key, dim + head * d + i);
          }
          weights[static_cast<std::size_t>(key)] = score / std::sqrt(static_cast<double>(d));
          top = std::max(top, weights[static_cast<std::size_t>(key)]);
        }
        for (double& weight : weights) sum += weight = std::exp(weight - top);
        for (std::int64_t i = 0; i < d; ++i) {
          double& value =
              out[static_cast<std::size_t>((image * tokens + query) * dim + head * d + i)];
          for (std::int64_t key = 0; key < tokens; ++key) {
            value += weights[static_cast<std::size_t>(key)] / sum *
                     at(image, key, 2 * dim + head * d + i);
          }
        }
      }
    }
  }
  return out;
}

std::vector<float> random_qkv(std::int64_t images, std::int64_t tokens, std::int64_t dim) {
  return random_values(images * tokens * 3 * dim, 1, scale_of_inputs);
}

void run(Context& context, const std::vector<float>& qkv, std::int64_t heads, Output& out) {
  const Shape shape = out.tensor().shape;
  Buffer scratch(context, attention_scratch_bytes(context, shape[0], shape[1], shape[2], heads));
  // Old scratch values must not matter.
  std::fill_n(static_cast<float*>(scratch.data()), scratch.bytes() / sizeof(float), std::nanf(""));
  attention(context, view(qkv, {shape[0], shape[1], 3 * shape[2]}), heads, scratch, out.tensor());
}

}  // namespace

TEST_CASE("attention: odd shapes") {
  Context context;
  for (const std::int64_t tokens : {1, 3, 17, 50, 197}) {
    for (const auto& size : {std::pair{96, 3}, {192, 3}, {200, 5}, {200, 4}, {7, 7}, {6, 2}}) {
      const std::int64_t dim = size.first, heads = size.second;
      for (const std::int64_t images : {1, 2}) {
        INFO(images, " images, ", tokens, " tokens, ", dim, " channels, ", heads, " heads");
        const std::vector<float> qkv = random_qkv(images, tokens, dim);
        Output out({images, tokens, dim});
        run(context, qkv, heads, out);
        CHECK(out.guards_intact());
        // A score is a sum of d products of at most 9; its error, times 2 for the difference to the
        // largest, is the relative error of a weight. Values are at most 3.
        const double d = static_cast<double>(dim / heads);
        const double score_error =
            2 * 9 * std::sqrt(d) * (2 + std::sqrt(d)) * half_ulp / std::sqrt(d);
        const double sums = (8 + std::sqrt(static_cast<double>(tokens))) * half_ulp;
        test::check_close(out.values(), reference(qkv, images, tokens, dim, heads),
                          [&](std::size_t) { return 3 * (score_error + sums); });
      }
    }
  }
}

TEST_CASE("attention: same bits for any number of threads and any batch") {
  constexpr std::int64_t images = 3, tokens = 150, dim = 128, heads = 2;
  const std::vector<float> qkv = random_qkv(images, tokens, dim);
  Context one;
  Output expected({images, tokens, dim});
  run(one, qkv, heads, expected);
  for (const int threads : {2, 3, 5, 9}) {
    Context context(threads);
    // Repeated, because workers that share memory by mistake do not conflict every time.
    for (int repeat = 0; repeat < 20; ++repeat) {
      Output out({images, tokens, dim});
      run(context, qkv, heads, out);
      REQUIRE(test::same_bits(out.values(), expected.values()));
    }
  }
  for (std::int64_t image = 0; image < images; ++image) {
    const auto per_image = static_cast<std::ptrdiff_t>(tokens * 3 * dim);
    const std::vector<float> alone(qkv.begin() + image * per_image,
                                   qkv.begin() + (image + 1) * per_image);
    Output out({1, tokens, dim});
    run(one, alone, heads, out);
    const auto count = static_cast<std::size_t>(tokens * dim);
    CHECK(test::same_bits(
        out.values(), expected.values().subspan(static_cast<std::size_t>(image) * count, count)));
  }
}

TEST_CASE("attention: accepts zero images, refuses wrong arguments") {
  Context context;
  const std::vector<float> data(2 * 3 * 24, 1.0f);
  Buffer scratch(context, attention_scratch_bytes(context, 2, 3, 8, 2));
  Output none({0, 3, 8});
  attention(context, {nullptr, DType::f32, {0, 3, 24}}, 2, scratch, none.tensor());

  Output out({2, 3, 8});
  const ConstTensor qkv = view(data, {2, 3, 24});
  CHECK_THROWS_AS(attention(context, qkv, 3, scratch, out.tensor()), Error);
  CHECK_THROWS_AS(attention(context, qkv, 0, scratch, out.tensor()), Error);
  CHECK_THROWS_AS(attention_scratch_bytes(context, 2, 3, 8, 3), Error);
  Buffer small(context, 64);
  CHECK_THROWS_AS(attention(context, qkv, 2, small, out.tensor()), std::invalid_argument);
  CHECK_THROWS_AS(attention(context, view(data, {2, 24, 3}), 2, scratch, out.tensor()),
                  std::invalid_argument);
}
