// `quantring-weights diff`

#include "weights_tools/inspect/diff.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <new>

#include "weights_tools/commands/commands.h"

namespace quantring::weights {
namespace {

constexpr std::size_t shown_rows = 20;
constexpr int different = 1, trouble = 2;

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
  command->add_option("B", options->b, "Another one, with the same names of tensors")->required();
  command->add_option("--part", options->part,
                      "Which dictionary of PyTorch files that hold several: model_ema");
  command->add_option("--part-b", options->part_b, "The same of B, if it is another one there");
  command->add_flag("--all", options->all, "All lines, not the first 20 of each list");
  command->add_flag("--json", options->as_json, "One JSON object, with all lines");
  command->footer(
      "Values are compared as f32, whatever type they are stored in: the largest |a - b| of each\n"
      "tensor, and |a - b| / |a| (L2) over it. Tensors that are no floats are only counted.\n"
      "Exit status: 0 same values, 1 different, 2 trouble.\n"
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
                                        : diff_text(report, options->all ? 0 : shown_rows));
    } catch (const std::bad_alloc&) {
      std::fputs("error: not enough memory\n", stderr);
      throw CLI::RuntimeError(trouble);
    } catch (const std::exception& error) {
      // Not the 1 of other commands' errors: that says that the files differ.
      std::fputs(fmt::format("error: {}\n", error.what()).c_str(), stderr);
      throw CLI::RuntimeError(trouble);
    }
    if (!same) throw CLI::RuntimeError(different);
  });
}

}  // namespace quantring::weights
