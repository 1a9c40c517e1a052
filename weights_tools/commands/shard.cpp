// `quantring-weights shard`

#include "weights_tools/model/shard.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "weights_tools/commands/commands.h"
#include "weights_tools/model/is_model_file.h"

namespace quantring::weights {

void add_shard(CLI::App& app) {
  struct Options {
    std::string model, layers, output;
  };
  auto* command = app.add_subcommand(
      "shard", "Write the part of a model that one node of a ring needs as a separate file");
  auto options = std::make_shared<Options>();
  command->add_option("model", options->model, "Model file, or part of one")->required();
  command
      ->add_option("-l,--layers", options->layers,
                   "Blocks, as in ring.toml: 0-4, or 4-8.5 (.5: after a block's attention)")
      ->required();
  command->add_option("-o,--output", options->output, "Part to write")->required();
  command->footer(
      "The values are copied, not converted. Head and nodes may have different parts of a model:\n"
      "the hash that they compare is that of the whole model. `inspect` shows where to cut.\n"
      "Examples:\n"
      "  quantring-weights shard model.safetensors --layers 0-4 -o part0.safetensors\n"
      "  quantring-weights shard model.safetensors --layers 4-8.5 -o part1.safetensors");
  command->callback([options] {
    expect_model_file(options->model);
    const ModelFile model(options->model);
    const ShardReport report = shard(model, options->layers, options->output);
    fmt::print(
        "wrote {}: {} of {}, {} tensors, {:.2f} MB of the model's {:.2f} MB ({:.0f} %); hash {}\n"
        "use it on the node that runs these blocks: quantring node --model {}\n",
        options->output, range_text(report.part), model.architecture().depth, report.tensors,
        static_cast<double>(report.bytes) / 1e6, static_cast<double>(report.whole_bytes) / 1e6,
        100 * static_cast<double>(report.bytes) / static_cast<double>(report.whole_bytes),
        model.hash().substr(0, 16), options->output);
  });
}

}  // namespace quantring::weights
