#pragma once
// What the main() of both programs share: from the command line to the exit status. Header only, so
// that the libraries do not depend on CLI11.

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <sstream>
#include <string>

#include "ops/base/error.h"
#include "ops/base/password.h"

namespace quantring {

inline constexpr int exit_failure = 1;       // the work failed: an error line says why
inline constexpr int exit_wrong_option = 2;  // the command line is wrong

// Not fmt::print: it throws when stderr is closed.
inline void print_error(const std::string& text) {
  std::fputs(("error: " + text + "\n").c_str(), stderr);
}

// Parses the command line, which runs the command's callback. The exit status: 0, exit_failure,
// exit_wrong_option, or the status of a CLI::RuntimeError that the command throws.
inline int run_commands(CLI::App& app, int argc, char** argv) {
  const PasswordFilter filtered(argc, argv);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& status) {
    return status.get_exit_code();
  } catch (const CLI::ParseError& error) {
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      print_error(filtered(
          fmt::format("no command is called '{}'; {} --help lists them", argv[1], app.get_name())));
      return exit_wrong_option;
    }
    std::ostringstream text;
    const int status = app.exit(error, std::cout, text);
    std::fputs(filtered(text.str()).c_str(), stderr);
    return status == 0 ? 0 : exit_wrong_option;
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

// main() of a program with subcommands.
inline int run_program(CLI::App& app, int argc, char** argv) {
  // Beyond the file-size limit a write then fails, and is reported, instead of ending the program.
  ::signal(SIGXFSZ, SIG_IGN);
  app.set_version_flag("--version", QUANTRING_VERSION);
  app.require_subcommand(1);
  const int status = run_commands(app, argc, argv);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    print_error("the output could not be written");
    return std::max(status, exit_failure);
  }
  return status;
}

}  // namespace quantring
