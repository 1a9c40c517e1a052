// `quantring-weights inspect`

#include "weights_tools/inspect/inspect.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "weights_tools/commands/commands.h"
#include "weights_tools/inspect/inspect_checkpoint.h"

namespace quantring::weights {

void add_inspect(CLI::App& app) {
  auto* command = app.add_subcommand(
      "inspect", "Say what is in a model file and where to cut it, or what is in a checkpoint");
  auto path = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  command
      ->add_option("file", *path, "Model file, part of one, or any checkpoint that convert reads")
      ->required();
  auto dictionary = std::make_shared<std::string>();
  command->add_option("--part", *dictionary,
                      "Which dictionary of a PyTorch file that holds several: model_ema");
  command->add_flag("--json", *as_json, "One JSON object");
  command->footer(
      "Examples:\n"
      "  quantring-weights inspect models/fashion_mnist_vit.safetensors\n"
      "  quantring-weights inspect pytorch_model.bin");
  command->callback([path, dictionary, as_json] {
    std::string text;
    if (is_model_file(*path)) {
      const ModelFile model(*path);
      text = *as_json ? inspect_json(model) + "\n" : inspect_text(model);
    } else {
      const OpenedCheckpoint opened = open_checkpoint(*path, *dictionary);
      text = *as_json ? inspect_checkpoint_json(*path, *opened.checkpoint) + "\n"
                      : inspect_checkpoint_text(*path, *opened.checkpoint);
    }
    fmt::print("{}", text);
  });
}

}  // namespace quantring::weights
