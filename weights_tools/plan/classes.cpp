#include "weights_tools/plan/classes.h"

#include <fmt/format.h>

#include "ops/base/error.h"

namespace quantring::weights {
namespace {

// Names with gaps in their numbers, or counted from 1: as numbered if the last one is of the last
// class, in their order if there are as many as classes.
std::vector<std::string> numbered_labels(std::size_t classes, const Fact<ClassNames>& fact,
                                         std::vector<Finding>& findings) {
  const ClassNames& names = fact.value;
  std::vector<std::string> labels;
  std::string how;
  if (names.rbegin()->first + 1 == classes) {
    for (std::size_t i = 0; i < classes; ++i)
      labels.push_back(names.count(i) != 0 ? names.at(i) : fmt::format("class {}", i));
    how = fmt::format("{} names of {} classes", names.size(), classes);
  } else if (names.size() == classes) {
    for (const auto& [index, name] : names) labels.push_back(name);
    how = fmt::format("{} names, numbered {} to {}, in this order", classes, names.begin()->first,
                      names.rbegin()->first);
  } else {
    how = fmt::format("left out: {} names, numbered {} to {}, for {} classes (use --labels)",
                      names.size(), names.begin()->first, names.rbegin()->first, classes);
  }
  findings.push_back({"labels", how, fact.source});
  return labels;
}

}  // namespace

bool infer_independent(int classes, const ConfigFacts& config, const ConvertHints& hints,
                       std::vector<Finding>& findings) {
  std::string source;
  if (hints.multi_label) {
    source = "--multi-label";
  } else if (classes == 1) {
    source = "a single class";
  } else if (config.independent_classes && config.independent_classes->value) {
    source = config.independent_classes->source;
    if (config.regression)
      throw Error(fmt::format(
          "{} with {} outputs: QuantRing runs classifiers; add --multi-label if each output is "
          "the logit of a class",
          source, classes));
  }
  if (source.empty()) return false;
  findings.push_back({"probabilities", "of each class by itself (sigmoid)", source});
  return true;
}

std::vector<std::string> infer_labels(int classes, const ConfigFacts& config,
                                      std::vector<Finding>& findings) {
  const auto count = static_cast<std::size_t>(classes);
  if (config.labels_unusable)
    findings.push_back({"labels", "left out: " + config.labels_unusable->value + " (use --labels)",
                        config.labels_unusable->source});
  std::vector<std::string> labels;
  if (config.numbered_labels) labels = numbered_labels(count, *config.numbered_labels, findings);
  if (!config.labels) return labels;
  const auto& [names, source] = *config.labels;
  if (names.size() != count) {
    findings.push_back(
        {"labels",
         fmt::format("left out: {} names for {} classes (use --labels)", names.size(), classes),
         source});
    return labels;
  }
  findings.push_back(
      {"labels", fmt::format("{} names, '{}' to '{}'", names.size(), names.front(), names.back()),
       source});
  return names;
}

}  // namespace quantring::weights
