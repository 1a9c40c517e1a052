#pragma once
// What may follow on a command line, for the shells' completion (packaging/completion). Header
// only, as program.h.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "ops/base/usage_error.h"

namespace quantring {

// The words that an option takes, from its help: "TEXT:{f32,f16}". Empty for files and numbers.
inline std::vector<std::string> option_values(const CLI::Option& option) {
  std::vector<std::string> values;
  const std::string type = option.get_type_name();
  const auto begin = type.find('{'), end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return values;
  std::string value;
  for (const char c : type.substr(begin + 1, end - begin - 1) + ",") {
    if (c == ',')
      values.push_back(std::move(value)), value.clear();
    else
      value += c;
  }
  return values;
}

// The candidates for the last word, which may be empty; none where a file is wanted.
inline std::vector<std::string> completions(const CLI::App& app, std::vector<std::string> words) {
  if (words.empty()) words.emplace_back();
  std::string current = words.back();
  words.pop_back();
  // Bash takes --codec=ptq for three words, other shells for one.
  std::string prefix;
  if (const auto equals = current.find('='); equals != std::string::npos && current[0] == '-') {
    words.push_back(current.substr(0, equals));
    prefix = current.substr(0, equals + 1);
    current.erase(0, equals + 1);
  }
  if (current == "=") current.clear();
  if (!words.empty() && words.back() == "=") words.pop_back();

  const CLI::App* command = nullptr;
  for (const std::string& word : words) {
    if (command == nullptr) command = find_command(app, word);
  }
  const CLI::App& owner = command == nullptr ? app : *command;
  std::vector<std::string> all;
  const std::string previous = words.empty() || words.back().empty() ? "" : words.back();
  const CLI::Option* option = previous[0] == '-' ? owner.get_option_no_throw(previous) : nullptr;
  if (option != nullptr && option->get_items_expected_max() > 0) {
    all = option_values(*option);
  } else if (!current.empty() && current[0] == '-') {
    all = option_names(owner);
  } else if (command == nullptr) {
    all = command_names(app);
  }
  std::vector<std::string> fitting;
  for (const std::string& each : all) {
    if (each.compare(0, current.size(), current) == 0) fitting.push_back(prefix + each);
  }
  return fitting;
}

}  // namespace quantring
