// The systemd units, checked with the programs and with systemd.

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/golden.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

using namespace quantring;

namespace {

const std::string packaging = quantring::test::source_path("packaging/");
const std::string program = quantring::test::built_path("quantring");
const std::string installed = "/usr/bin/quantring";
using Variables = std::map<std::string, std::string>;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Values of all lines "key=value", with spaces between.
std::string setting(const std::string& unit, const std::string& key) {
  std::string all;
  std::istringstream lines(unit);
  for (std::string line; std::getline(lines, line);) {
    if (line.substr(0, key.size() + 1) == key + "=") all += line.substr(key.size() + 1) + " ";
  }
  return all;
}

Variables variables(const std::string& text) {
  Variables found;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    if (equals != std::string::npos) found[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return found;
}

Variables defaults_file(const std::string& service) {
  std::string kept;
  std::istringstream lines(text_of(packaging + "deb/" + service + ".default"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != '#') kept += line + "\n";
  }
  return variables(kept);
}

// ExecStart as systemd would run it, with the built program.
std::vector<std::string> command_line(const std::string& unit, const Variables& values) {
  std::vector<std::string> arguments;
  std::istringstream words(setting(unit, "ExecStart"));
  for (std::string word; words >> word;) {
    if (word == installed) {
      arguments.push_back(program);
    } else if (word.substr(0, 2) == "${") {
      arguments.push_back(values.at(word.substr(2, word.size() - 3)));
    } else if (word != "$OPTIONS") {  // empty: no argument
      arguments.push_back(word);
    }
  }
  return arguments;
}

}  // namespace

TEST_CASE("the program accepts the command line of a unit") {
  for (const std::string service : {"quantring-node", "quantring-camera"}) {
    CAPTURE(service);
    const std::string unit = text_of(packaging + "systemd/" + service + ".service");
    Variables values = variables(setting(unit, "Environment"));
    values.erase("XDG_CACHE_HOME");
    CHECK(values == defaults_file(service));
    for (const char* file : {"MODEL", "RING", "SOURCE"}) {
      if (values.count(file)) values[file] = "/nowhere/to/be/found";
    }
    values["LISTEN"] = "127.0.0.1:0";
    const auto outcome = test::run(command_line(unit, values));
    CAPTURE(outcome.err);
    // 1: the missing file; 2 would be an unknown option.
    CHECK(outcome.status == 1);
    CHECK(outcome.err.find("/nowhere/to/be/found") != std::string::npos);
  }
}

TEST_CASE("systemd accepts the units, with low exposure") {
  const std::string analyze = "/usr/bin/systemd-analyze";
  if (::access(analyze.c_str(), X_OK) != 0) {
    MESSAGE("SKIPPED: systemd-analyze is not installed");
    return;
  }
  const test::TemporaryFolder folder;
  for (const std::string service : {"quantring-node", "quantring-camera"}) {
    CAPTURE(service);
    // verify checks that the program exists.
    std::string unit = text_of(packaging + "systemd/" + service + ".service");
    unit.replace(unit.find(installed), installed.size(), program);
    const std::string path = (folder / (service + ".service")).string();
    std::ofstream(path) << unit;
    const auto verified = test::run({analyze, "verify", "--man=no", path});
    CHECK(verified.status == 0);
    CHECK(verified.err == "");
    // The threshold is in tenths, of 100. Systemd before 250 analyses loaded units only.
    const auto security =
        test::run({analyze, "security", "--offline=true", "--threshold=20", "--no-pager", path});
    if (security.err.find("unrecognized option") != std::string::npos) {
      MESSAGE("SKIPPED: systemd-analyze is too old to compute the exposure");
      continue;
    }
    CAPTURE(security.out);
    CHECK(security.status == 0);
  }
}
