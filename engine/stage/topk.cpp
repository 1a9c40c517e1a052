#include "engine/stage/topk.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace quantring {

float sigmoid(float logit) {
  return static_cast<float>(1 / (1 + std::exp(-static_cast<double>(logit))));
}

std::vector<Prediction> top_k(std::span<const float> logits, int k, bool independent) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count = std::min(logits.size(), static_cast<std::size_t>(std::max(k, 0)));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](int a, int b) {
                      const float x = logits[static_cast<std::size_t>(a)],
                                  y = logits[static_cast<std::size_t>(b)];
                      return x > y || (x == y && a < b);
                    });
  if (count == 0) return {};
  const double largest = logits[static_cast<std::size_t>(order[0])];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  std::vector<Prediction> result;
  for (std::size_t i = 0; i < count; ++i) {
    const float logit = logits[static_cast<std::size_t>(order[i])];
    const double share = std::exp(logit - largest) / sum;
    result.push_back({order[i], independent ? sigmoid(logit) : static_cast<float>(share)});
  }
  return result;
}

}  // namespace quantring
