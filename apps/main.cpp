// quantring: runs a Vision Transformer, in one process or as a ring of stages.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/commands/commands.h"

int main(int argc, char** argv) {
  CLI::App app("Runs a Vision Transformer as a ring of stages over small devices.", "quantring");
  app.set_version_flag("--version", QUANTRING_VERSION);
  app.require_subcommand(1);
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
  quantring::apps::add_demo(app);
  quantring::apps::add_camera(app);
  quantring::apps::add_doctor(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      const std::string text =
          fmt::format("error: no command is called '{}'; quantring --help lists them\n", argv[1]);
      std::fputs(text.c_str(), stderr);
      return 2;
    }
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    // Not fmt::print: it throws when stderr is closed.
    std::fputs(fmt::format("error: {}\n", error.what()).c_str(), stderr);
    return 1;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("error: the output could not be written\n", stderr);
    return 1;
  }
  return 0;
}
