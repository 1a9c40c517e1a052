#pragma once
// Labels drawn from a model's own answer. With them the mean of g g' is the Fisher matrix (Martens
// 2020): labels of a data set, or the likeliest class, would give something else.

#include <cstdint>
#include <span>
#include <vector>

namespace quantring {

// Of every class: the softmax; independent: the sigmoid.
std::vector<double> class_probabilities(std::span<const float> logits, bool independent);

// 1 for the drawn class and 0 for the others; independent: each class is drawn by itself. The same
// seed gives the same draw.
std::vector<float> draw_labels(std::span<const double> probabilities, bool independent,
                               std::uint64_t seed);

}  // namespace quantring
