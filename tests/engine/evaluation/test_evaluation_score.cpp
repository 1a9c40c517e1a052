// The measures of an evaluation against numbers worked out by hand.
#include "engine/evaluation/evaluation_score.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "engine/stage/topk.h"

namespace quantring {
namespace {

using Logits = std::vector<float>;
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

TEST_CASE("KL of two softmaxes") {
  // p = (1/4, 3/4), q = (1/2, 1/2): 1/4 ln(1/2) + 3/4 ln(3/2) = 0.130812 nats.
  const Logits expected = {0, std::log(3.0F)}, level = {5, 5};
  CHECK(kl_divergence(expected, level) == doctest::Approx(0.1308120359).epsilon(1e-6));
  // The other way round it is another number: 1/2 ln 2 + 1/2 ln(2/3).
  CHECK(kl_divergence(level, expected) == doctest::Approx(0.1438410362).epsilon(1e-6));
  CHECK(kl_divergence(expected, expected) == 0);
  // Softmax does not see a constant.
  CHECK(kl_divergence(expected, Logits{100, 100 + std::log(3.0F)}) < 1e-10);
  // Where exponentials would overflow: p = (1, 0), q = (0, 1) within e^-1000.
  CHECK(kl_divergence(Logits{1000, 0}, Logits{0, 1000}) == doctest::Approx(1000));
  CHECK(kl_divergence(Logits{-1e30F, 0}, Logits{-1e30F, 0}) == 0);
  CHECK(kl_divergence(Logits{1, 2, 3}, Logits{1, 2, 3.0001F}) > 0);
  CHECK(std::isnan(kl_divergence(Logits{1, 2}, Logits{1, nan_value})));
  CHECK(std::isnan(kl_divergence(Logits{1, infinity}, Logits{1, 2})));
  CHECK_THROWS_AS(kl_divergence(Logits{1, 2}, Logits{1}), std::invalid_argument);
}

TEST_CASE("relative squared error") {
  CHECK(relative_squared_error(Logits{3, 4}, Logits{3, 2}) == doctest::Approx(4.0 / 25));
  CHECK(relative_squared_error(Logits{3, 4}, Logits{3, 4}) == 0);
  CHECK(relative_squared_error(Logits{3, 4}, Logits{0, 0}) == 1);
  CHECK(relative_squared_error(Logits{0, 0}, Logits{0, 0}) == 0);
  CHECK(std::isinf(relative_squared_error(Logits{0, 0}, Logits{0, 1})));
  // Squares that a float could not hold.
  CHECK(relative_squared_error(Logits{3e30F, 4e30F}, Logits{3e30F, 0}) ==
        doctest::Approx(16.0 / 25));
}

TEST_CASE("a rank is the place in top_k") {
  const Logits logits = {2, 5, 5, -1, 3, 5, 0};
  const auto order = top_k(logits, static_cast<int>(logits.size()));
  for (std::size_t i = 0; i < order.size(); ++i)
    CHECK(rank_of(order[i].index, logits) == static_cast<int>(i));
  CHECK(rank_of(0, Logits{nan_value, 1, nan_value}) == 3);
  CHECK(rank_of(1, Logits{nan_value, 1, nan_value}) == 0);
  CHECK_THROWS_AS(rank_of(7, logits), std::invalid_argument);
  CHECK_THROWS_AS(rank_of(-1, logits), std::invalid_argument);
}

TEST_CASE("images are counted, and means are over images and cuts") {
  const Logits expected = {0, 0, 0, 0, 0, 9, 0}, same = {1, 1, 1, 1, 1, 3, 1},
               other = {9, 8, 7, 6, 5, 4, 3};
  EvaluationScore score;
  score.add(expected, same, 5);   // agrees, right
  score.add(expected, other, 5);  // neither, and not among five
  score.add(expected, other, 4);  // among five
  score.add(expected, same, -1);  // agrees, label not known
  CHECK(score.images == 4);
  CHECK(score.agreement_percent() == 50);
  CHECK(score.labelled == 3);
  CHECK(score.top1_percent() == doctest::Approx(100.0 / 3));
  CHECK(score.top5_percent() == doctest::Approx(200.0 / 3));
  const double of_same = kl_divergence(expected, same), of_other = kl_divergence(expected, other);
  CHECK(score.mean_kl() == doctest::Approx((of_same + of_other) / 2));

  EvaluationScore there;
  for (int i = 0; i < 4; ++i) there.add(expected, same, 5);
  score.relative_error = 1;
  score.tensors = 4;
  there.relative_error = 2;
  there.tensors = 4;
  there += score;
  CHECK(there.agreement_percent() == 75);
  CHECK(there.top1_percent() == doctest::Approx(100 * (1 + 1 / 3.0) / 2).epsilon(0.1));
  CHECK(there.mean_kl() == doctest::Approx((4 * of_same + 2 * of_same + 2 * of_other) / 8));
  CHECK(there.mean_relative_error() == doctest::Approx(3.0 / 8));
}

TEST_CASE("nothing has no mean") {
  const EvaluationScore score;
  CHECK(std::isnan(score.agreement_percent()));
  CHECK(std::isnan(score.top1_percent()));
  CHECK(std::isnan(score.mean_kl()));
  CHECK(std::isnan(score.mean_relative_error()));
}

TEST_CASE("answers that are no numbers agree with nothing") {
  EvaluationScore score;
  score.add(Logits{1, 2}, Logits{nan_value, nan_value}, 1);
  CHECK(score.agreement_percent() == 0);
  CHECK(score.top1_percent() == 0);
  CHECK(score.top5_percent() == 100);  // of two classes every one is among five
}

}  // namespace
}  // namespace quantring
