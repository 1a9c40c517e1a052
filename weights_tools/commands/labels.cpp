// `quantring-weights labels`

#include "engine/labels/class_names.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "ops/base/error.h"
#include "weights_tools/commands/commands.h"
#include "weights_tools/model/is_model_file.h"
#include "weights_tools/model/set_labels.h"

namespace quantring::weights {

void add_labels(CLI::App& app) {
  struct Options {
    std::string model, set;
    bool remove = false;
  };
  auto* command = app.add_subcommand("labels", "Print the class names of a model, or replace them");
  auto options = std::make_shared<Options>();
  command->add_option("model", options->model, "Model file, or part of one")->required();
  auto* set = command->add_option("--set", options->set,
                                  "Text file with the new class names, one per line");
  command->add_flag("--remove", options->remove, "Remove the class names from the model")
      ->excludes(set);
  command->footer(
      "The model file is replaced atomically. Its hash does not change, so nodes with the old "
      "file\n"
      "can still take part.\n"
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
