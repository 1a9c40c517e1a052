#pragma once
// One answer per picture: a line of text or a JSON object.

#include <span>
#include <string>
#include <vector>

#include "engine/stage/topk.h"

namespace quantring::apps {

// How logits are read: one class applies to a picture, or any number of them.
struct ClassRule {
  bool independent = false;  // ModelFile::independent_classes
  float threshold = 0.5f;    // of independent classes: the least probability of one that applies
};

struct Answer {
  std::string name;
  int label = -1;  // the true class, -1 if unknown
  std::vector<Prediction> top;
  ClassRule rule;
  std::vector<int> present;  // of independent classes: all that apply
};

Answer make_answer(std::string name, int label, std::span<const float> logits, int top,
                   const ClassRule& rule);

// labels: class names, may be empty. "tench", or "class 3" where there is no name.
std::string class_name(int index, const std::vector<std::string>& labels);
// "photo.jpg: tench 93.1 %, coho 2.0 %"; of independent classes those that apply: "photo.jpg: none
// above 50 % (tench 31.0 %)"
std::string answer_line(const Answer& answer, const std::vector<std::string>& labels);
// {"image": ..., "label": 0, "top": [{"class": 0, "name": "tench", "probability": 0.931}]}; of
// independent classes with "threshold": 0.5, "present": [0]
std::string answer_json(const Answer& answer, const std::vector<std::string>& labels);

}  // namespace quantring::apps
