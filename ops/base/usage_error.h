#pragma once
// The error line of a wrong command line, with what may have been meant. Header only, as program.h.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "ops/base/error.h"
#include "ops/base/nearest.h"

namespace quantring {

inline std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

// Null if there is none of that name.
inline const CLI::App* find_command(const CLI::App& app, std::string_view name) {
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

inline std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

inline std::string did_you_mean(const std::string& word) {
  return word.empty() ? "" : fmt::format("; did you mean {}?", word);
}

// CLI11 reads -model as -m with the value "odel".
inline void refuse_single_dash(const CLI::App& app, int argc, char** argv) {
  const CLI::App* command = argc > 1 ? find_command(app, argv[1]) : nullptr;
  if (command == nullptr) return;
  for (int i = 2; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word == "--") return;
    if (word.size() < 3 || word[0] != '-' || word[1] == '-') continue;
    const std::string name = fmt::format("-{}", word.substr(0, word.find('=')));
    if (command->get_option_no_throw(name) == nullptr) continue;
    throw OptionError(fmt::format("{}: write {}, with two dashes", word, name));
  }
}

// The first option that the command does not have; empty if the error is another one.
inline std::string unknown_option(const CLI::App& app, const CLI::App& command) {
  const std::string program = app.get_name();
  for (const CLI::App* owner : {&app, &command}) {
    for (const std::string& word : owner->remaining()) {
      if (word.size() < 2 || word[0] != '-') continue;
      const std::string name = word.substr(0, word.find('='));
      if (owner != &app) {
        return fmt::format("{} {} has no option {}{}", program, owner->get_name(), name,
                           did_you_mean(nearest(name, option_names(*owner))));
      }
      for (const CLI::App* each : app.get_subcommands({})) {
        if (each->get_option_no_throw(name) == nullptr) continue;
        return fmt::format("{}: options come after the command, as in {} {} {}", name, program,
                           each->get_name(), name);
      }
      return fmt::format("{} has no option {}{}", program, name,
                         did_you_mean(nearest(name, option_names(app))));
    }
  }
  return {};
}

// The line to print for an error of CLI11 in parsing this command line.
inline std::string usage_error(const CLI::App& app, int argc, char** argv,
                               const CLI::ParseError& error) {
  const auto used = app.get_subcommands();
  const CLI::App& command = used.empty() ? app : *used.front();
  const std::string program = app.get_name();
  std::string text = unknown_option(app, command);
  if (text.empty() && used.empty() && argc > 1 && argv[1][0] != '-') {
    auto known = command_names(app);
    for (const char* option : {"--help", "--version"}) known.emplace_back(option);
    text =
        fmt::format("no command is called '{}'{}", argv[1], did_you_mean(nearest(argv[1], known)));
  }
  if (text.empty()) text = error.what();
  if (text.ends_with('?')) return text;
  return used.empty()
             ? fmt::format("{}; {} --help lists the commands", text, program)
             : fmt::format("{}; {} {} --help lists the options", text, program, command.get_name());
}

}  // namespace quantring
