#include <doctest/doctest.h>

#include "apps/report/evaluate_report.h"

using namespace quantring;
using namespace quantring::apps;

namespace {

EvaluationPoint point(const char* codec, double bits, std::uint64_t images, std::uint64_t changed,
                      double mean_kl) {
  EvaluationScore score;
  score.images = images;
  score.agreeing = images - changed;
  score.kl = mean_kl * static_cast<double>(images);
  return {parse_codec(codec, bits), 0, {score}};
}

// Finest first; `changed`: of the coarsest.
EvaluateReport report(std::uint64_t images, std::uint64_t changed) {
  EvaluateReport report;
  report.images = images;
  report.baseline = point("raw32", 32, images, 0, 0);
  report.points = {point("ptq", 8, images, 0, 0.0003), point("klt", 3, images, 0, 0.0015),
                   point("klt", 2, images, 0, 0.005), point("klt", 1, images, changed, 0.03)};
  return report;
}

}  // namespace

TEST_CASE("ladder from few pictures: points are ordered by their error where no answer changed") {
  for (const std::uint64_t changed : {0, 3}) {
    const Ladder ladder = evaluate_ladder(report(50, changed));
    REQUIRE(ladder.size() == 5);
    CHECK(codec_text(ladder[1].codec) == "ptq 8");
    CHECK(codec_text(ladder[4].codec) == "klt 1");
    CHECK(ladder[1].agreement > 99);
  }
  // 3.5 changed of 50 answers at 0.017 + 0.039 + 0.071 + 0.173 roots of nats: 23.3 % per root. At
  // 0.0015 nats 0.9 % are expected and none of 50 was seen.
  const Ladder ladder = evaluate_ladder(report(50, 3));
  CHECK(ladder[2].agreement == doctest::Approx(99.548));
  CHECK(ladder[4].agreement == doctest::Approx(94.979));
}

TEST_CASE("ladder from many pictures: the share of answers that did not change") {
  const Ladder ladder = evaluate_ladder(report(1000000, 60000));
  REQUIRE(ladder.size() == 3);  // klt 2 takes the place of larger points
  CHECK(codec_text(ladder[1].codec) == "klt 2");
  CHECK(ladder[2].agreement == doctest::Approx(94).epsilon(1e-4));
}
