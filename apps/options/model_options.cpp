#include "apps/options/model_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/options/option_check.h"

namespace quantring::apps {

void add_model_options(CLI::App& command, ModelOptions& options) {
  auto* file = command.add_option("-m,--model", options.file, "Model file");
  command
      .add_option("--model-shape", options.shape,
                  "A shape with random weights instead: deit_tiny, vit_base or vit_large")
      ->type_name("{deit_tiny,vit_base,vit_large}")
      ->excludes(file);
}

ChosenModel::ChosenModel(const ModelOptions& options) : path_(options.file) {
  if (!path_.empty()) return;
  if (options.shape.empty()) throw OptionError("add --model FILE or --model-shape NAME");
  check_option("--model-shape", [&] { random_.emplace(options.shape); });
  path_ = random_->path();
}

LabelCheck label_check(const ModelFile& model) {
  // Of a single class: it applies, or not.
  return {model.labels(), std::max(2, model.architecture().classes),
          [](const std::string& line) { fmt::print(stderr, "{}\n", line); }};
}

void add_class_options(CLI::App& command, ClassOptions& options) {
  command.add_flag("--multi-label", options.multi_label,
                   "Several classes may apply to a picture, or none: each has a probability of its "
                   "own (default: as the model file says)");
  command
      .add_option("--threshold", options.threshold,
                  "The least probability of a class that applies, of such models (default: 0.5)")
      ->check(real_range(0.0, 1.0));
}

ClassRule class_rule(const ModelFile& model, const ClassOptions& options) {
  const ClassRule rule{model.independent_classes() || options.multi_label,
                       options.threshold.value_or(0.5f)};
  if (options.threshold && !rule.independent)
    throw OptionError(
        fmt::format("--threshold: in '{}' one class applies to each picture; add --multi-label if "
                    "several may",
                    model.path()));
  return rule;
}

void require_whole_model(const ModelFile& model, const char* command) {
  if (model.whole()) return;
  throw Error(fmt::format("'{}' holds only {} of {}: {} needs the whole model file", model.path(),
                          range_text(model.part()), model.architecture().depth, command));
}

}  // namespace quantring::apps
