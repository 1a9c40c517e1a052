// quantring-weights: makes model files out of checkpoints, and looks into them.

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <new>

#include "weights_tools/commands/commands.h"

namespace {

// The exit status: 0, 1 for what an error line tells, 2 for a wrong command line; diff has its own.
int run(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& status) {
    return status.get_exit_code();
  } catch (const CLI::ParseError& error) {
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      const std::string text = fmt::format(
          "error: no command is called '{}'; quantring-weights --help lists them\n", argv[1]);
      std::fputs(text.c_str(), stderr);
      return 2;
    }
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::bad_alloc&) {
    std::fputs("error: not enough memory\n", stderr);
    return 1;
  } catch (const std::exception& error) {
    // Not fmt::print: it throws when stderr is closed.
    std::fputs(fmt::format("error: {}\n", error.what()).c_str(), stderr);
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // A file-size limit is then a failed write, which has its error line, and not a sudden end.
  ::signal(SIGXFSZ, SIG_IGN);
  CLI::App app("Makes QuantRing model files out of checkpoints, and looks into them.",
               "quantring-weights");
  app.set_version_flag("--version", QUANTRING_VERSION);
  app.require_subcommand(1);
  quantring::weights::add_convert(app);
  quantring::weights::add_inspect(app);
  quantring::weights::add_verify(app);
  quantring::weights::add_shard(app);
  quantring::weights::add_labels(app);
  quantring::weights::add_diff(app);
  const int status = run(app, argc, argv);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("error: the output could not be written\n", stderr);
    return std::max(status, 1);
  }
  return status;
}
