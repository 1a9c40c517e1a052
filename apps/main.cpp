// quantring: runs a Vision Transformer, in one process or as a ring of stages.

#include <CLI/CLI.hpp>

#include "apps/commands/commands.h"
#include "ops/base/program.h"
#include "ops/device.h"

int main(int argc, char** argv) {
  CLI::App app("Runs a Vision Transformer as a ring of stages over small devices.", "quantring");
  app.footer(
      "Examples:\n"
      "  quantring classify photo.jpg --model model.safetensors\n"
      "  quantring classify photos/ --model model.safetensors --stages 3 --codec ptq --bits 4\n"
      "  quantring node --model model.safetensors            # on every device\n"
      "  quantring classify photos/ --ring ring.toml         # on the head\n"
      "  quantring camera /dev/video0 --ring ring.toml       # and a page for a browser\n"
      "  quantring doctor --ring ring.toml                   # what is wrong, and what to do");
  quantring::apps::add_classify(app);
  quantring::apps::add_node(app);
  quantring::apps::add_bench(app);
  quantring::apps::add_compare(app);
  quantring::apps::add_evaluate(app);
  quantring::apps::add_calibrate(app);
  quantring::apps::add_demo(app);
  quantring::apps::add_camera(app);
  quantring::apps::add_doctor(app);
  return quantring::run_program(app, argc, argv,
                                quantring::built_with_cuda() ? "with CUDA" : "no CUDA");
}
