// `quantring-weights inspect`

#include "weights_tools/inspect/inspect.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "ops/base/error.h"
#include "weights_tools/commands/commands.h"
#include "weights_tools/inspect/inspect_checkpoint.h"
#include "weights_tools/model/is_model_file.h"

namespace quantring::weights {

void add_inspect(CLI::App& app) {
  auto* command = app.add_subcommand(
      "inspect", "Show the contents of a model file and where to cut it, or of a checkpoint");
  auto path = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  command
      ->add_option("file", *path, "Model file, part of one, or any checkpoint that convert reads")
      ->required();
  auto part = std::make_shared<std::string>();
  command->add_option("--part", *part, "Dictionary in a PyTorch file that has several: model_ema");
  command->add_flag("--json", *as_json, "One JSON object");
  command->footer(
      "Examples:\n"
      "  quantring-weights inspect models/fashion_mnist_vit.safetensors\n"
      "  quantring-weights inspect pytorch_model.bin");
  command->callback([path, part, as_json] {
    std::string text;
    if (is_model_file(*path)) {
      if (!part->empty()) {
        throw OptionError(
            fmt::format("--part {}: '{}' is a model file; leave --part out", *part, *path));
      }
      const ModelFile model(*path);
      text = *as_json ? inspect_json(model) + "\n" : inspect_text(model);
    } else {
      const OpenedCheckpoint opened = open_checkpoint(*path, *part);
      text = *as_json ? inspect_checkpoint_json(*path, *opened.checkpoint) + "\n"
                      : inspect_checkpoint_text(*path, *opened.checkpoint);
    }
    fmt::print("{}", text);
  });
}

}  // namespace quantring::weights
