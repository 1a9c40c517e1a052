#pragma once
// Plans for small checkpoints that are names and shapes only.

#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

#include "ops/base/error.h"
#include "tests/support/texts.h"
#include "tests/weights/formats/named_tensors.h"
#include "weights_tools/plan/plan.h"

namespace quantring::test {

using namespace quantring::weights;

// Values 0, 1, 2, ... in every tensor.
class Counting : public Checkpoint {
 public:
  explicit Counting(const TensorInfos& tensors) { tensors_ = tensors; }
  std::string format() const override { return "test"; }
  std::vector<float> read(const std::string& name) const override {
    std::vector<float> values(tensors_.at(name).elements());
    std::iota(values.begin(), values.end(), 0.0f);
    return values;
  }
};

inline ConvertHints some_hints() {
  ConvertHints hints;
  hints.heads = 3;
  hints.norm_eps = 1e-5f;
  hints.resize = "none";
  hints.mean = {0.5f, 0.5f, 0.5f};
  hints.std = {0.5f, 0.5f, 0.5f};
  return hints;
}

inline std::string plan_error(const TensorInfos& tensors, const ConvertHints& hints = some_hints(),
                              const ConfigFacts& config = {}) {
  return error_of([&] { plan_conversion(tensors, config, hints); });
}

inline std::string found(const ConversionPlan& plan, const std::string& what) {
  for (const Finding& finding : plan.findings) {
    if (finding.what == what) return finding.value + " (" + finding.source + ")";
  }
  return "";
}

// Every tensor of the model has a recipe of exactly its size, which can be assembled.
inline void check_recipes(const ConversionPlan& plan, const TensorInfos& tensors) {
  const Counting checkpoint(tensors);
  const auto specs = tensor_specs(plan.architecture);
  CHECK(plan.recipes.size() == specs.size());
  for (const TensorSpec& spec : specs) {
    CAPTURE(spec.name);
    REQUIRE(plan.recipes.count(spec.name) == 1);
    CHECK(assemble(plan.recipes.at(spec.name), checkpoint).size() == spec.elements());
  }
}

inline ConversionPlan checked_plan(const TensorInfos& tensors,
                                   const ConvertHints& hints = some_hints(),
                                   const ConfigFacts& config = {}) {
  ConversionPlan plan = plan_conversion(tensors, config, hints);
  check_recipes(plan, tensors);
  return plan;
}

inline std::vector<float> assembled(const ConversionPlan& plan, const TensorInfos& tensors,
                                    const std::string& name) {
  return assemble(plan.recipes.at(name), Counting(tensors));
}

}  // namespace quantring::test
