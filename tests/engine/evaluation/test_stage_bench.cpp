// Measuring a stage in a child process: what comes back, and what happens when the child fails.

#include "engine/evaluation/stage_bench.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "engine/model/random_model_file.h"
#include "ops/base/error.h"
#include "tests/support/texts.h"

using namespace quantring;

namespace {

ContextOptions one_thread() {
  return {};
}

StageBenchPlan plan_for(const std::string& path) {
  return {path, {0, 2}, 1, one_thread, 0.01};
}

}  // namespace

TEST_CASE("a stage is measured in a process of its own") {
  const RandomModelFile model("deit_tiny");
  const StageBench bench = bench_stage(plan_for(model.path()));
  CHECK(bench.compute.device == Device{});
  CHECK(bench.compute.precision == Precision::f32);
  CHECK(bench.depth == 1);
  CHECK(bench.runs >= 5);
  CHECK(bench.alone_s > 0);
  CHECK(bench.batch_s == bench.alone_s);
  CHECK(bench.first_result_s >= bench.alone_s / 2);
  // Patch embedding, class token, positions and the first block of DeiT-Tiny, in float32.
  const double weights = 3 * 16 * 16 * 192 + 192 + 192 + 197 * 192 + 4 * 192 + 192 * 3 * 192 +
                         3 * 192 + 192 * 192 + 192 + 2 * 4 * 192 * 192 + 4 * 192 + 192;
  CHECK(bench.weights_mb == doctest::Approx(4e-6 * weights));
  CHECK(bench.resident_mb > bench.weights_mb);
  CHECK(bench.device_mb == 0);
}

TEST_CASE("an error of the child is thrown here, and a child that dies is one") {
  const std::string missing = "/no/such/model.safetensors";
  CHECK(test::contains(test::error_of([&] { bench_stage(plan_for(missing)); }), missing));
  StageBenchPlan plan = plan_for(missing);
  plan.compute = []() -> ContextOptions { throw OptionError("--device: wrong"); };
  CHECK_THROWS_WITH_AS(bench_stage(plan), "--device: wrong", OptionError);
  plan.compute = []() -> ContextOptions { ::_exit(3); };
  CHECK(test::error_of([&] { bench_stage(plan); }) ==
        "the process that measured blocks 0-1 ended early");
}
