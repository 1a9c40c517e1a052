#include "apps/commands/model_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "apps/commands/option_check.h"

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

void require_whole_model(const ModelFile& model, const char* command) {
  if (model.whole()) return;
  throw Error(fmt::format("'{}' holds only {} of {}: {} needs the whole model file", model.path(),
                          range_text(model.part()), model.architecture().depth, command));
}

}  // namespace quantring::apps
