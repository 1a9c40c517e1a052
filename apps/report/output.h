#pragma once
// One answer a picture on stdout: a line for a person, or a JSON object a line.

#include <string>
#include <vector>

#include "engine/stage/topk.h"

namespace quantring::apps {

struct Answer {
  std::string name;
  int label = -1;  // the true class, -1 if unknown
  std::vector<Prediction> top;
};

// labels: names of the classes, or empty. "tench", or "class 3" of one without a name.
std::string class_name(int index, const std::vector<std::string>& labels);
// "photo.jpg: tench 93.1 %, coho 2.0 %"
std::string answer_line(const Answer& answer, const std::vector<std::string>& labels);
// {"image": ..., "label": 0, "top": [{"class": 0, "name": "tench", "probability": 0.931}]}
std::string answer_json(const Answer& answer, const std::vector<std::string>& labels);

}  // namespace quantring::apps
