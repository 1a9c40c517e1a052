// `quantring-weights diff`

#include "weights_tools/inspect/diff.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <memory>

#include "ops/base/program.h"
#include "weights_tools/commands/commands.h"

namespace quantring::weights {
namespace {

constexpr std::size_t max_rows = 20;  // of each list, without --all
constexpr int exit_different = 1, exit_trouble = 2;

}  // namespace

void add_diff(CLI::App& app) {
  struct Options {
    std::string a, b, part, part_b;
    bool all = false, as_json = false;
  };
  auto* command = app.add_subcommand("diff", "Compare two model files, or two checkpoints");
  auto options = std::make_shared<Options>();
  command->add_option("A", options->a, "Model file, or any checkpoint that convert reads")
      ->required();
  command->add_option("B", options->b, "Another one, whose tensors have the same names")
      ->required();
  command->add_option("--part", options->part,
                      "Dictionary in PyTorch files that have several: model_ema");
  command->add_option("--part-b", options->part_b, "Dictionary in B, if it is not --part");
  command->add_flag("--all", options->all, "All lines, not the first 20 of each list");
  command->add_flag("--json", options->as_json, "One JSON object, with all lines");
  command->footer(
      "Values of all storage types are compared as f32: max |a - b| and |a - b| / |a| (L2) of "
      "each\n"
      "tensor. Tensors that are not floats are only counted.\n"
      "Exit status: 0 same values, 1 different, 2 error.\n"
      "Examples:\n"
      "  quantring-weights diff model.safetensors model_f16.safetensors\n"
      "  quantring-weights diff epoch1.pth epoch2.pth --all\n"
      "  quantring-weights diff best.pth best.pth --part model --part-b model_ema");
  command->callback([options] {
    bool same = false;
    try {
      const DiffReport report = diff(options->a, options->b, options->part,
                                     options->part_b.empty() ? options->part : options->part_b);
      same = report.same();
      fmt::print("{}", options->as_json ? diff_json(report) + "\n"
                                        : diff_text(report, options->all ? 0 : max_rows));
    } catch (const std::exception& error) {
      // Status 1 would mean that the files differ.
      print_error(error.what());
      throw CLI::RuntimeError(exit_trouble);
    }
    if (!same) throw CLI::RuntimeError(exit_different);
  });
}

}  // namespace quantring::weights
