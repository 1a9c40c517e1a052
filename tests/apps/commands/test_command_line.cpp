// The command line of both programs: suggestions, the version, completion in a shell.

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"

using namespace quantring;
using test::contains;

namespace {

using Words = std::vector<std::string>;

const std::string weights_program = test::built_path("quantring-weights");

Words lines(const std::string& text) {
  Words all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

Words complete(const std::string& program, const Words& words) {
  Words arguments = {program, "--complete"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  const test::Outcome outcome = test::run(arguments);
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  return lines(outcome.out);
}

// What bash offers behind the words, with packaging/completion.
Words bash_offers(const std::string& program, const Words& words) {
  std::string typed = "'" + program + "'";
  for (const std::string& word : words) typed += " '" + word + "'";
  const std::string script = "source '" + test::source_path("packaging/completion/quantring.bash") +
                             "'; COMP_WORDS=(" + typed +
                             "); COMP_CWORD=" + std::to_string(words.size()) +
                             "; _quantring; printf '%s\\n' \"${COMPREPLY[@]}\"";
  return lines(test::run({"/bin/bash", "-c", script}).out);
}

bool has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

TEST_CASE("a mistyped command or option gets a suggestion") {
  struct Case {
    std::string program;
    Words words;
    std::string text;
  };
  const std::string& ring = test::program;
  const Case cases[] = {
      {ring, {"clasify"}, "no command is called 'clasify'; did you mean classify?"},
      {ring, {"evalute", "x"}, "did you mean evaluate?"},
      {ring, {"benchmark"}, "did you mean bench?"},
      {ring, {"Camera"}, "did you mean camera?"},
      {ring, {"help"}, "did you mean --help?"},
      {ring, {"version"}, "did you mean --version?"},
      {ring, {"xyzzy"}, "no command is called 'xyzzy'; quantring --help lists the commands"},
      {ring, {"--versoin"}, "quantring has no option --versoin; did you mean --version?"},
      {ring,
       {"classify", "x", "--modle", "m"},
       "quantring classify has no option --modle; did you mean --model?"},
      {ring, {"classify", "--modle=m", "x"}, "no option --modle; did you mean --model?"},
      {ring, {"classify", "x", "--link_mbps", "5"}, "did you mean --link-mbps?"},
      {ring, {"classify", "x", "--batch-size", "5"}, "did you mean --batch?"},
      {ring, {"classify", "x", "--label", "x"}, "did you mean --labels?"},
      {ring, {"node", "--modle", "m"}, "no option --modle; did you mean --model?"},
      {ring,
       {"classify", "x", "--xyzzy"},
       "quantring classify has no option --xyzzy; quantring classify --help lists the options"},
      {ring, {"classify", "x", "-model", "m"}, "-model: write --model, with two dashes"},
      {ring, {"classify", "x", "-stages=3"}, "-stages=3: write --stages, with two dashes"},
      {ring,
       {"--stages", "3", "classify", "x"},
       "--stages: options come after the command, as in quantring classify --stages"},
      {weights_program, {"shrad"}, "no command is called 'shrad'; did you mean shard?"},
      {weights_program,
       {"convert", "x", "--ouput", "y"},
       "quantring-weights convert has no option --ouput; did you mean --output?"},
      {weights_program, {"convert", "x", "-dtype", "f16"}, "-dtype: write --dtype"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    Words arguments = {each.program};
    arguments.insert(arguments.end(), each.words.begin(), each.words.end());
    const test::Outcome outcome = test::run(arguments);
    CHECK(outcome.status == 2);
    CHECK(outcome.out.empty());
    CHECK(contains(outcome.err, each.text));
    CHECK(outcome.err.compare(0, 7, "error: ") == 0);
    CHECK(lines(outcome.err).size() == 1);
  }
}

TEST_CASE("--version names the program, its version and how it was built") {
  const std::string out = test::run({test::program, "--version"}).out;
  CHECK(out.compare(0, 10, "quantring ") == 0);
  CHECK(contains(out, " " QUANTRING_VERSION " ("));
  CHECK((contains(out, "no CUDA)") || contains(out, "with CUDA)")));
  CHECK(lines(out).size() == 1);
  const std::string weights = test::run({weights_program, "--version"}).out;
  CHECK(weights.compare(0, 18, "quantring-weights ") == 0);
  CHECK_FALSE(contains(weights, "CUDA"));
}

TEST_CASE("completion offers what the program has") {
  CHECK(complete(test::program, {"cl"}) == Words{"classify"});
  CHECK(complete(test::program, {""}).size() == 9);
  CHECK(complete(test::program, {"classify", "--mod"}) == Words{"--model"});
  CHECK(complete(test::program, {"--ver"}) == Words{"--version"});
  CHECK(complete(test::program, {"classify", "x.jpg", "--policy", "q"}) == Words{"quantpipe"});
  CHECK(complete(test::program, {"classify", "--codec=pt"}) == Words{"--codec=ptq"});
  CHECK(complete(test::program, {"classify", "--codec", "=", "pt"}) == Words{"ptq"});
  CHECK(complete(weights_program, {"convert", "x", "--dtype", ""}) == Words{"f32", "f16"});
  // Files, which the shell knows.
  CHECK(complete(test::program, {"classify", ""}).empty());
  CHECK(complete(test::program, {"classify", "--model", ""}).empty());
  CHECK(complete(test::program, {"classify", "--model", "--"}).empty());

  // Every option of the help.
  for (const std::string command : {"classify", "node", "camera"}) {
    const Words offered = complete(test::program, {command, "--"});
    const std::string help = test::run({test::program, command, "--help"}).out;
    for (const std::string& option : offered) CHECK(contains(help, option));
    for (const std::string option : {"--help", "--model", "--device"}) CHECK(has(offered, option));
  }
}

TEST_CASE("bash offers the same") {
  CHECK(bash_offers(test::program, {"cl"}) == Words{"classify"});
  CHECK(bash_offers(test::program, {"classify", "--policy", "la"}) == Words{"ladder"});
  CHECK(bash_offers(test::program, {"classify", "--codec", "=", "raw3"}) == Words{"raw32"});
  CHECK(bash_offers(weights_program, {"sh"}) == Words{"shard"});
  CHECK(bash_offers(weights_program, {"convert", "--out"}) == Words{"--output"});
  CHECK(bash_offers(test::program, {"classify", "photo"}) == Words{""});
}
