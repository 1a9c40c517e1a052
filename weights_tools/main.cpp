// quantring-weights: converts checkpoints to model files, and inspects both.

#include <CLI/CLI.hpp>

#include "ops/base/program.h"
#include "weights_tools/commands/commands.h"

int main(int argc, char** argv) {
  CLI::App app("Converts checkpoints to QuantRing model files, and inspects both.",
               "quantring-weights");
  quantring::weights::add_convert(app);
  quantring::weights::add_inspect(app);
  quantring::weights::add_verify(app);
  quantring::weights::add_shard(app);
  quantring::weights::add_labels(app);
  quantring::weights::add_diff(app);
  return quantring::run_program(app, argc, argv);
}
