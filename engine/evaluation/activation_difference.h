#pragma once
// Differences between the activations of two devices, per step of the forward pass.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring::apps {

// The values of a tensor in the context's memory, as f32.
std::vector<float> host_values(Context& context, ConstTensor tensor);

// One step over all pictures: `actual` against `expected`, the reference.
struct StepDifference {
  std::string name;
  double squares = 0, expected_squares = 0;  // sums of (actual - expected)^2 and expected^2
  double worst = 0;                          // max |actual - expected|, and its position:
  std::size_t worst_picture = 0;
  std::vector<std::int64_t> worst_place;  // within the picture: [token, channel], [class]
  float worst_expected = 0, worst_actual = 0;
  double largest = 0;            // |expected|
  std::uint64_t not_finite = 0;  // values of actual; the first one becomes the worst

  double relative() const;  // L2 norm of the difference over that of expected; inf if not_finite
};

// Steps in the order in which they were first added.
class ActivationDifference {
 public:
  // Values of one batch, both of `shape` [images, ...]; first_picture: the number of its first
  // image. Throws std::logic_error for a wrong number of values.
  void add(const std::string& name, const Shape& shape, const std::vector<float>& expected,
           const std::vector<float>& actual, std::size_t first_picture);

  const std::vector<StepDifference>& steps() const { return steps_; }

 private:
  std::vector<StepDifference> steps_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace quantring::apps
