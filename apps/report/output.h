#pragma once
// One answer per picture: a line of text or a JSON object.

#include <string>
#include <vector>

#include "engine/stage/topk.h"

namespace quantring::apps {

struct Answer {
  std::string name;
  int label = -1;  // the true class, -1 if unknown
  std::vector<Prediction> top;
};

// labels: class names, may be empty. "tench", or "class 3" where there is no name.
std::string class_name(int index, const std::vector<std::string>& labels);
// "photo.jpg: tench 93.1 %, coho 2.0 %"
std::string answer_line(const Answer& answer, const std::vector<std::string>& labels);
// {"image": ..., "label": 0, "top": [{"class": 0, "name": "tench", "probability": 0.931}]}
std::string answer_json(const Answer& answer, const std::vector<std::string>& labels);

}  // namespace quantring::apps
