#include "apps/report/output.h"

#include <fmt/format.h>

#include <utility>

#include "ops/base/json.h"

namespace quantring::apps {
std::string class_name(int index, const std::vector<std::string>& labels) {
  return static_cast<std::size_t>(index) >= labels.size()
             ? fmt::format("class {}", index)
             : labels.at(static_cast<std::size_t>(index));
}

Answer make_answer(std::string name, int label, std::span<const float> logits, int top,
                   const ClassRule& rule) {
  Answer answer{std::move(name), label, top_k(logits, top, rule.independent), rule, {}};
  for (std::size_t i = 0; rule.independent && i < logits.size(); ++i)
    if (sigmoid(logits[i]) >= rule.threshold) answer.present.push_back(static_cast<int>(i));
  return answer;
}

std::string answer_line(const Answer& answer, const std::vector<std::string>& labels) {
  const auto shown = [&labels](const Prediction& each) {
    return fmt::format("{} {:.1f} %", class_name(each.index, labels), 100.0f * each.probability);
  };
  const auto applies = [&answer](const Prediction& each) {
    return !answer.rule.independent || each.probability >= answer.rule.threshold;
  };
  std::string line = answer.name + ":";
  if (!answer.top.empty() && !applies(answer.top[0]))
    line += fmt::format(" none above {:.4g} % ({})", 100.0f * answer.rule.threshold,
                        shown(answer.top[0]));
  for (std::size_t i = 0; i < answer.top.size() && applies(answer.top[i]); ++i)
    line += (i == 0 ? " " : ", ") + shown(answer.top[i]);
  if (answer.label < 0 || answer.top.empty()) return line;
  if (labels.size() == 1 && answer.rule.independent) {  // labels 1 and 0: it applies, or not
    const bool right = applies(answer.top[0]) == (answer.label == 1);
    return line + (right ? "  (right)" : fmt::format("  (is {})", answer.label));
  }
  return line + (answer.top[0].index == answer.label
                     ? "  (right)"
                     : fmt::format("  (is {})", class_name(answer.label, labels)));
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
  if (answer.rule.independent) {
    value["threshold"] = answer.rule.threshold;
    value["present"] = answer.present;
  }
  return json_text(value);
}

}  // namespace quantring::apps
