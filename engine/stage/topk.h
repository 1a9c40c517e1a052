#pragma once
// From logits to an answer.

#include <span>
#include <vector>

namespace quantring {

struct Prediction {
  int index;          // class
  float probability;  // 0..1
};

// The k likeliest classes, likeliest first; ties go to the lower index. Fewer if there are fewer
// classes. Probabilities are a softmax over all classes; independent: of each class by itself
// (sigmoid).
std::vector<Prediction> top_k(std::span<const float> logits, int k, bool independent = false);

float sigmoid(float logit);

}  // namespace quantring
