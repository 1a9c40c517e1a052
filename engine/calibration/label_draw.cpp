#include "engine/calibration/label_draw.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace quantring {

std::vector<double> class_probabilities(std::span<const float> logits, bool independent) {
  std::vector<double> result(logits.begin(), logits.end());
  if (independent) {
    for (double& value : result) value = 1 / (1 + std::exp(-value));
    return result;
  }
  const double largest = *std::max_element(result.begin(), result.end());
  double sum = 0;
  for (double& value : result) sum += value = std::exp(value - largest);
  for (double& value : result) value /= sum;
  return result;
}

std::vector<float> draw_labels(std::span<const double> probabilities, bool independent,
                               std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };  // [0, 1)
  std::vector<float> labels(probabilities.size());
  if (independent) {
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = uniform() < probabilities[i];
    return labels;
  }
  double rest = uniform();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    rest -= probabilities[i];
    if (rest >= 0) continue;
    labels[i] = 1;
    return labels;
  }
  // The probabilities' sum was rounded to below 1.
  const auto likeliest = std::max_element(probabilities.begin(), probabilities.end());
  labels[static_cast<std::size_t>(likeliest - probabilities.begin())] = 1;
  return labels;
}

}  // namespace quantring
