// `quantring compare`: differences per step, and the exit status.

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/evaluation/activation_difference.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"

using namespace quantring;
using apps::ActivationDifference;

TEST_CASE("errors are summed over batches; the worst element is reported with its index") {
  ActivationDifference difference;
  const Shape shape{2, 2, 3};
  std::vector<float> expected(12, 2.0f), actual(12, 2.0f);
  actual[10] = 2.5f;  // picture 1, token 1, channel 1
  difference.add("step", shape, expected, actual, 0);
  expected[4] = -4.0f;
  actual[10] = 2.0f;
  actual[5] = 1.0f;  // picture 2, token 1, channel 2
  actual[4] = -4.0f;
  difference.add("step", shape, expected, actual, 2);
  difference.add("next", {1, 1}, {1.0f}, {1.0f}, 0);
  REQUIRE(difference.steps().size() == 2);
  const apps::StepDifference& step = difference.steps()[0];
  CHECK(step.name == "step");
  CHECK(step.relative() == doctest::Approx(std::sqrt((0.25 + 1.0) / (23 * 4.0 + 16.0))));
  CHECK(step.largest == 4);
  CHECK(step.worst == 1);
  CHECK(step.worst_picture == 2);
  CHECK(step.worst_place == std::vector<std::int64_t>{1, 2});
  CHECK(step.worst_expected == 2);
  CHECK(step.worst_actual == 1);
  CHECK(difference.steps()[1].relative() == 0);
}

TEST_CASE("a non-finite value counts as the worst") {
  ActivationDifference difference;
  difference.add("step", {1, 4}, {1, 1, 1, 1}, {9, std::numeric_limits<float>::quiet_NaN(), 1, 1},
                 0);
  difference.add("step", {1, 4}, {1, 1, 1, 1}, {1, 1, 1, 100}, 1);
  const apps::StepDifference& step = difference.steps()[0];
  CHECK(std::isinf(step.relative()));
  CHECK(step.not_finite == 1);
  CHECK(step.worst_picture == 0);
  CHECK(step.worst_place == std::vector<std::int64_t>{1});
}

TEST_CASE("compare shows every step and names missing options") {
  const test::TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const auto same = test::run({test::program, "compare", "--random", "--model", model, "--device",
                               "cpu", "--precision", "f32", "--batch", "3", "--threads", "2"});
  CAPTURE(same.err);
  CHECK(same.status == 0);
  for (const char* name :
       {"embed", "blocks.0.attn.qkv", "blocks.5.mlp.residual", "pooled",
        "logits of 3 pictures on cpu, f32, 2 threads: relative error 0.00e+00"}) {
    CAPTURE(name);
    CHECK(same.out.find(name) != std::string::npos);
  }
  const auto images = test::run({test::program, "compare", test::write_idx(folder, 5), "--model",
                                 model, "--device", "cpu", "--precision", "f32", "--batch", "2"});
  CHECK(images.status == 0);
  CHECK(images.out.find("logits of 5 pictures") != std::string::npos);

  const auto nothing = test::run({test::program, "compare", "--model", model});
  CHECK(nothing.status == 2);
  CHECK(nothing.err == "error: add the pictures to compare on, or --random\n");
  const auto wrong = test::run({test::program, "compare", "--random", "--model", model, "--device",
                                "cpu", "--precision", "f64"});
  CHECK(wrong.status == 2);
  CHECK(wrong.err == "error: --precision f64: auto, f32, f16 and bf16 are known\n");
}
