#pragma once
// Plans of small checkpoints that are names and shapes only.

#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

#include "ops/base/error.h"
#include "tests/weights/formats/named_tensors.h"
#include "weights_tools/naming/plan.h"

namespace test {

using namespace quantring;
using namespace quantring::weights;

// Values 0, 1, 2, ... in every tensor.
class Counting : public Checkpoint {
 public:
  explicit Counting(const TensorInfos& tensors) { tensors_ = tensors; }
  std::string format() const override { return "test"; }
  std::vector<float> read(const std::string& name) const override {
    std::size_t size = 1;
    for (const auto side : tensors_.at(name).shape) size *= static_cast<std::size_t>(side);
    std::vector<float> values(size);
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

inline std::string message_of(const TensorInfos& tensors, const ConvertHints& hints = some_hints(),
                              const ConfigFacts& config = {}) {
  try {
    plan_conversion(tensors, config, hints);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::string found(const ConversionPlan& plan, const std::string& what) {
  for (const Finding& finding : plan.findings) {
    if (finding.what == what) return finding.value + " (" + finding.source + ")";
  }
  return "";
}

// Every tensor of the model has a recipe of just its size, and it can be cooked.
inline void check_recipes(const ConversionPlan& plan, const TensorInfos& tensors) {
  const Counting checkpoint(tensors);
  const auto specs = tensor_specs(plan.architecture);
  CHECK(plan.recipes.size() == specs.size());
  for (const TensorSpec& spec : specs) {
    CAPTURE(spec.name);
    std::size_t size = 1;
    for (const auto side : spec.shape) size *= static_cast<std::size_t>(side);
    REQUIRE(plan.recipes.count(spec.name) == 1);
    CHECK(cook(plan.recipes.at(spec.name), checkpoint).size() == size);
  }
}

inline ConversionPlan sound_plan(const TensorInfos& tensors,
                                 const ConvertHints& hints = some_hints(),
                                 const ConfigFacts& config = {}) {
  ConversionPlan plan = plan_conversion(tensors, config, hints);
  check_recipes(plan, tensors);
  return plan;
}

inline std::vector<float> cooked(const ConversionPlan& plan, const TensorInfos& tensors,
                                 const std::string& name) {
  return cook(plan.recipes.at(name), Counting(tensors));
}

}  // namespace test
