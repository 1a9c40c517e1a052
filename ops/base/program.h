#pragma once
// What the main() of both programs share: from the command line to the exit status. Header only, so
// that the libraries do not depend on CLI11.

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "ops/base/completion.h"
#include "ops/base/error.h"
#include "ops/base/password.h"
#include "ops/base/usage_error.h"

namespace quantring {

inline constexpr int exit_failure = 1;       // the work failed: an error line says why
inline constexpr int exit_wrong_option = 2;  // the command line is wrong

// The commit that this program was built from, with a mark if the sources were changed since; empty
// where it is not known. In a file of its own that the build writes (cmake/WriteCommit.cmake).
extern const char* const build_commit;

// Not fmt::print: it throws when stderr is closed.
inline void print_error(const std::string& text) {
  std::fputs(("error: " + text + "\n").c_str(), stderr);
}

// Parses the command line, which runs the command's callback. The exit status: 0, exit_failure,
// exit_wrong_option, or the status of a CLI::RuntimeError that the command throws.
inline int run_commands(CLI::App& app, int argc, char** argv) {
  const PasswordFilter filtered(argc, argv);
  try {
    refuse_single_dash(app, argc, argv);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& status) {
    return status.get_exit_code();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    print_error(filtered(usage_error(app, argc, argv, error)));
    return exit_wrong_option;
  } catch (const OptionError& error) {
    print_error(filtered(error.what()));
    return exit_wrong_option;
  } catch (const std::bad_alloc&) {
    print_error("not enough memory");
  } catch (const std::exception& error) {
    print_error(filtered(error.what()));
  }
  return exit_failure;
}

// "quantring 0.3.0 (commit 0123456789, no CUDA)"
inline std::string version_text(const std::string& program, const std::string& build) {
  std::string facts = *build_commit == 0 ? "" : fmt::format("commit {}", build_commit);
  if (!build.empty()) facts += (facts.empty() ? "" : ", ") + build;
  return fmt::format("{} {}{}", program, QUANTRING_VERSION,
                     facts.empty() ? "" : fmt::format(" ({})", facts));
}

// main() of a program with subcommands. build: what else to say of this build.
inline int run_program(CLI::App& app, int argc, char** argv, const std::string& build = "") {
  // Beyond the file-size limit a write then fails, and is reported, instead of ending the program.
  ::signal(SIGXFSZ, SIG_IGN);
  app.set_version_flag("--version", version_text(app.get_name(), build));
  app.require_subcommand(1);
  int status = 0;
  // Not an option in --help: only the shells' completion asks.
  if (argc > 1 && std::string_view(argv[1]) == "--complete") {
    for (const std::string& word : completions(app, {argv + 2, argv + argc})) {
      std::puts(word.c_str());
    }
  } else {
    status = run_commands(app, argc, argv);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    print_error("the output could not be written");
    return std::max(status, exit_failure);
  }
  return status;
}

}  // namespace quantring
