// The JSON of every command is what docs/JSON.md says.

#include <doctest/doctest.h>
#include <signal.h>

#include <functional>
#include <set>
#include <sstream>

#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/http_get.h"
#include "tests/support/json_schemas.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

using namespace quantring;
using nlohmann::json;
using test::http_get;
using test::Process;
using test::program;
using test::run;

namespace {

const test::JsonSchemas& schemas() {
  static const test::JsonSchemas all(test::source_path("docs/JSON.md"));
  return all;
}

// Of the outputs that were checked.
std::set<std::string>& seen() {
  static std::set<std::string> names;
  return names;
}

void check(const std::string& text, const std::string& name) {
  CAPTURE(text);
  const json value = try_parse_json(text);
  REQUIRE(value.is_object());
  CHECK(value.value("schema", "") == name);
  CHECK(schemas().check(value) == "");
  seen().insert(name);
}

void check_lines(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) check(line, name);
  CHECK(count > 0);
}

std::string output(const std::vector<std::string>& command, int status = 0) {
  const auto outcome = run(command);
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == status);
  return outcome.out;
}

struct Setup {
  test::TemporaryFolder folder;
  std::string model = folder / "model.safetensors";
  std::string images = test::write_idx(folder, 40);
  std::string labels = folder / "some-labels-idx1-ubyte";
  Setup() { test::write_tiny_model(model); }
};

}  // namespace

TEST_CASE("classify: answers and the report") {
  const Setup s;
  const std::string report = s.folder / "report.json";
  check_lines(output({program, "classify", s.images, "-m", s.model, "--json"}),
              "quantring.classify/1");
  for (const std::vector<std::string>& ring :
       {std::vector<std::string>{},
        {"--stages", "2"},
        {"--stages", "2", "--link-mbps", "1"},
        {"--stages", "2", "--codec", "ptq", "--bits", "4"}}) {
    std::vector<std::string> command = {program,         "classify", s.images,   "-m",
                                        s.model,         "--json",   "--labels", s.labels,
                                        "--report-json", report};
    command.insert(command.end(), ring.begin(), ring.end());
    check_lines(output(command), "quantring.classify/1");
    check(test::file_text(report), "quantring.report/1");
  }
}

TEST_CASE("camera: answers, status, history and events") {
  const Setup s;
  check_lines(output({program, "camera", s.images, "-m", s.model, "--json", "--listen", "none"}),
              "quantring.camera.answer/1");
  const std::string many = test::write_idx(s.folder, 60000);
  Process process({program, "camera", many, "-m", s.model, "-q", "--stages", "2", "--link-mbps",
                   "1", "--listen", "127.0.0.1:0"});
  const std::string before = "page on ";
  std::string url;
  for (int i = 0; i < 600 && url.empty(); ++i) {
    process.wait_for_output("never there", 0.1);
    const auto at = process.err().find(before);
    if (at == std::string::npos) continue;
    url = process.err().substr(at + before.size());
    url = url.substr(0, url.find('\n'));
  }
  REQUIRE(!url.empty());
  for (int i = 0; i < 600; ++i) {
    const json status = try_parse_json(http_get(url + "api/status").body);
    if (status.is_object() && status["images"] > 5 && status["answer"].is_object()) break;
    process.wait_for_output("never there", 0.1);
  }
  check(http_get(url + "api/status").body, "quantring.camera.status/1");
  check(http_get(url + "api/history").body, "quantring.camera.history/1");
  ::kill(process.pid(), SIGINT);
  process.wait();
}

TEST_CASE("evaluate, its ladder, and bench") {
  const Setup s;
  const std::string ladder = s.folder / "ladder.json";
  for (const char* labels : {"", "labels"}) {
    std::vector<std::string> command = {program,  "evaluate", s.images,   "-m",  s.model,
                                        "--json", "-",        "--codecs", "ptq", "--bits",
                                        "4,8",    "--ladder", ladder};
    if (labels[0] != '\0') command.insert(command.end(), {"--labels", s.labels});
    check(output(command), "quantring.evaluate/1");
    check(test::file_text(ladder), "quantring.ladder/1");
  }
  const std::vector<std::string> bench = {program,     "bench", "-m",    s.model,
                                          "--seconds", "0.1",   "--json"};
  check(output(bench), "quantring.bench/1");
  std::vector<std::string> stages = bench;
  stages.insert(stages.end(), {"--stages", "2"});
  check(output(stages), "quantring.bench/1");
}

TEST_CASE("doctor") {
  const Setup s;
  const auto outcome = run({program, "doctor", "-m", s.model, "--json"});
  check(outcome.out, "quantring.doctor/1");
}

TEST_CASE("quantring-weights: inspect and diff") {
  const Setup s;
  const std::string weights = test::built_path("quantring-weights");
  check(output({weights, "inspect", s.model, "--json"}), "quantring.weights.model/1");
  const std::string checkpoint = s.folder / "other.safetensors";
  const std::string header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  std::ofstream(checkpoint, std::ios::binary) << bytes + header + std::string(4, '\0');
  check(output({weights, "inspect", checkpoint, "--json"}), "quantring.weights.checkpoint/1");
  const std::string second = s.folder / "second.safetensors";
  test::write_tiny_model(second, 8);
  check(output({weights, "diff", s.model, second, "--json"}, 1), "quantring.weights.diff/1");
  check(output({weights, "diff", s.model, s.model, "--json"}), "quantring.weights.diff/1");
}

TEST_CASE("every documented schema was checked above, and the check finds differences") {
  CHECK(seen() == schemas().names());
  json answer = try_parse_json(
      R"({"schema": "quantring.classify/1", "image": "a", "top": [{"class": 1, "probability": 0.5}]})");
  CHECK(schemas().check(answer) == "");
  answer["top"][0]["class"] = "1";
  CHECK(schemas().check(answer) == "top[].class: another type\n");
  answer["top"][0]["class"] = 1;
  answer["new"] = 1;
  CHECK(schemas().check(answer) == "new: not documented\n");
  answer.erase("new");
  answer.erase("image");
  CHECK(schemas().check(answer) == "image: missing\n");
  CHECK(schemas().check(try_parse_json("[]")) == "no schema is called ''\n");
}
