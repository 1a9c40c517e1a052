// The man pages have the same commands and options as the programs.

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "tests/support/paths.h"
#include "tests/support/process.h"

using namespace quantring;

namespace {

using Names = std::set<std::string>;

std::string page_path(const std::string& program) {
  return quantring::test::source_path("packaging/man/") + program + ".1";
}

std::string help(const std::string& program, const std::string& command) {
  std::vector<std::string> arguments{quantring::test::built_path("") + program};
  if (!command.empty()) arguments.push_back(command);
  arguments.push_back("--help");
  const test::Outcome outcome = test::run(arguments);
  REQUIRE(outcome.status == 0);
  return outcome.out;
}

// "-m,--model" in "  -m,--model TEXT REQUIRED   Model file": two spaces, then names with commas.
Names help_options(const std::string& text) {
  Names names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.substr(0, 3) != "  -") continue;
    std::istringstream list(line.substr(2, line.find(' ', 2) - 2));
    for (std::string name; std::getline(list, name, ',');) names.insert(name);
  }
  return names;
}

Names help_commands(const std::string& text) {
  Names names;
  std::istringstream lines(text.substr(text.find("\nSubcommands:\n") + 14));
  for (std::string line; std::getline(lines, line) && line.substr(0, 2) == "  ";)
    names.insert(line.substr(2, line.find(' ', 2) - 2));
  return names;
}

// Options of each command (.Ss NAME; "" before the first): ".It Fl m , Fl -model".
std::map<std::string, Names> page_options(const std::string& program) {
  std::map<std::string, Names> commands;
  std::string command;
  std::ifstream page(page_path(program));
  for (std::string line; std::getline(page, line);) {
    std::istringstream words(line);
    std::string macro, word;
    words >> macro;
    if (macro == ".Sh") command.clear();
    if (macro == ".Ss") {
      words >> command;
      commands[command];
    }
    if (macro != ".It") continue;
    while (words >> word) {
      if (word == "Fl" && words >> word) commands[command].insert("-" + word);
    }
  }
  return commands;
}

}  // namespace

TEST_CASE("the man page has exactly the commands and options of the program") {
  for (const std::string program : {"quantring", "quantring-weights"}) {
    CAPTURE(program);
    auto page = page_options(program);
    const std::string overview = help(program, "");
    CHECK(page[""] == help_options(overview));
    Names in_page;
    for (const auto& [command, options] : page) {
      if (!command.empty()) in_page.insert(command);
    }
    const Names commands = help_commands(overview);
    CHECK(in_page == commands);
    for (const auto& command : commands) {
      CAPTURE(command);
      Names options = help_options(help(program, command));
      // Documented once, at the top of the page.
      CHECK(options.erase("-h") == 1);
      CHECK(options.erase("--help") == 1);
      CHECK(page[command] == options);
    }
  }
}

TEST_CASE("the man pages have no warnings") {
  if (::access("/usr/bin/man", X_OK) != 0) {
    MESSAGE("SKIPPED: man is not installed");
    return;
  }
  for (const std::string program : {"quantring", "quantring-weights"}) {
    const auto outcome = test::run({"/usr/bin/man", "--warnings", "-l", page_path(program)});
    CHECK(outcome.status == 0);
    CHECK(outcome.err == "");
    if (outcome.out.find("has been minimized") != std::string::npos) {
      MESSAGE("SKIPPED: this image of Ubuntu has a placeholder for man");
      return;
    }
    CHECK(outcome.out.find("EXIT STATUS") != std::string::npos);
  }
}
