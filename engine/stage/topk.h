#pragma once
// From logits to an answer.

#include <span>
#include <vector>

namespace quantring {

struct Prediction {
  int index;          // class
  float probability;  // softmax over all classes
};

// The k likeliest classes, likeliest first; ties go to the lower index. Fewer if there are fewer
// classes.
std::vector<Prediction> top_k(std::span<const float> logits, int k);

}  // namespace quantring
