#include <doctest/doctest.h>

#include "apps/report/evaluate_report.h"
#include "engine/control/controller.h"

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
  // 3 changed of 50 answers at 0.017 + 0.039 + 0.071 + 0.173 roots of nats, and 0.34 of one at 1:
  // 20.9 % per root. At 0.0015 nats 0.8 % are expected and none of 50 was seen.
  const Ladder ladder = evaluate_ladder(report(50, 3));
  CHECK(ladder[2].agreement == doctest::Approx(99.596));
  CHECK(ladder[4].agreement == doctest::Approx(95.192));
}

TEST_CASE("ladder from one exact point: it is not taken for worse than it is") {
  EvaluateReport one;
  one.images = 4;
  one.baseline = point("raw32", 32, 4, 0, 0);
  one.points = {point("raw16", 16, 4, 0, 3e-11)};
  const Ladder ladder = evaluate_ladder(one);
  REQUIRE(ladder.size() == 2);
  CHECK(ladder[1].agreement == doctest::Approx(99.99));
}

TEST_CASE("ladder with both versions of tah: a controller takes it") {
  EvaluateReport both;
  both.images = 4;
  both.baseline = point("raw32", 32, 4, 0, 0);
  both.points = {point("tah", 4, 4, 0, 0.002), point("tah2", 4, 4, 0, 0.001),
                 point("tah", 3, 4, 1, 0.02)};
  ControllerOptions options;
  options.policy = Policy::ladder;
  options.ladder = evaluate_ladder(both);
  REQUIRE(options.ladder.size() == 3);
  CHECK(codec_text(options.ladder[1].codec) == "tah2 4");
  CHECK_NOTHROW(Controller{options});
}

TEST_CASE("ladder from many pictures: the share of answers that did not change") {
  const Ladder ladder = evaluate_ladder(report(1000000, 60000));
  REQUIRE(ladder.size() == 3);  // klt 2 takes the place of larger points
  CHECK(codec_text(ladder[1].codec) == "klt 2");
  CHECK(ladder[2].agreement == doctest::Approx(94).epsilon(1e-4));
}
