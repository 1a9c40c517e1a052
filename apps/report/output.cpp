#include "apps/report/output.h"

#include <fmt/format.h>

#include "ops/base/json.h"

namespace quantring::apps {
std::string class_name(int index, const std::vector<std::string>& labels) {
  return static_cast<std::size_t>(index) >= labels.size()
             ? fmt::format("class {}", index)
             : labels.at(static_cast<std::size_t>(index));
}

std::string answer_line(const Answer& answer, const std::vector<std::string>& labels) {
  std::string line = answer.name + ":";
  for (std::size_t i = 0; i < answer.top.size(); ++i) {
    line +=
        fmt::format("{} {} {:.1f} %", i == 0 ? "" : ",", class_name(answer.top[i].index, labels),
                    100.0f * answer.top[i].probability);
  }
  if (answer.label >= 0 && !answer.top.empty()) {
    line += answer.top[0].index == answer.label
                ? "  (right)"
                : fmt::format("  (is {})", class_name(answer.label, labels));
  }
  return line;
}

std::string answer_json(const Answer& answer, const std::vector<std::string>& labels) {
  nlohmann::ordered_json top = nlohmann::ordered_json::array();
  for (const Prediction& prediction : answer.top) {
    nlohmann::ordered_json entry = {{"class", prediction.index}};
    if (!labels.empty()) entry["name"] = class_name(prediction.index, labels);
    entry["probability"] = prediction.probability;
    top.push_back(std::move(entry));
  }
  nlohmann::ordered_json value = {{"schema", "quantring.classify/1"}, {"image", answer.name}};
  if (answer.label >= 0) value["label"] = answer.label;
  value["top"] = std::move(top);
  return json_text(value);
}

}  // namespace quantring::apps
