// `quantring-weights labels`

#include "engine/model/labels.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "ops/base/error.h"
#include "weights_tools/commands/commands.h"
#include "weights_tools/inspect/inspect_checkpoint.h"
#include "weights_tools/model/labels_tool.h"

namespace quantring::weights {

void add_labels(CLI::App& app) {
  struct Options {
    std::string model, set;
    bool remove = false;
  };
  auto* command =
      app.add_subcommand("labels", "Print a model's class names, or attach others to it");
  auto options = std::make_shared<Options>();
  command->add_option("model", options->model, "Model file, or part of one")->required();
  auto* set = command->add_option("--set", options->set,
                                  "Text file with the class names, one a line, for the model");
  command->add_flag("--remove", options->remove, "Take the class names out of the model")
      ->excludes(set);
  command->footer(
      "The model file is replaced in one step; its hash stays as it is, so that nodes with the "
      "old\n"
      "file still take part.\n"
      "Examples:\n"
      "  quantring-weights labels model.safetensors\n"
      "  quantring-weights labels model.safetensors --set imagenet_classes.txt");
  command->callback([options] {
    expect_model_file(options->model);
    if (options->set.empty() && !options->remove) {
      fmt::print("{}", labels_text(ModelFile(options->model)));
      return;
    }
    std::vector<std::string> labels;
    if (!options->remove) {
      labels = read_class_names(options->set);
    }
    try {
      set_labels(options->model, labels);
    } catch (const Error& error) {
      throw Error(options->remove ? error.what()
                                  : fmt::format("--set {}: {}", options->set, error.what()));
    }
    fmt::print("{}: {}\n", options->model,
               options->remove ? "class names removed"
                               : fmt::format("{} class names: {} ... {}", labels.size(),
                                             labels.front(), labels.back()));
  });
}

}  // namespace quantring::weights
