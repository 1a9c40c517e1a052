// --device and --precision, on machines with and without a GPU.

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "engine/model/safetensors.h"
#include "ops/base/json.h"
#include "ops/device.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"
#include "tests/support/texts.h"

using namespace quantring;
using quantring::test::contains;
using test::Process;
using test::program;
using test::run;
using test::TemporaryFolder;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void check_error(const test::Outcome& outcome, int status,
                 std::initializer_list<const char*> parts) {
  CAPTURE(outcome.err);
  CHECK(outcome.status == status);
  CHECK(count(outcome.err, "error: ") == 1);
  const auto begin = outcome.err.find("error: ");
  REQUIRE(begin != std::string::npos);
  const std::string line = outcome.err.substr(begin, outcome.err.find('\n', begin) - begin);
  for (const char* part : parts) CHECK(contains(line, part));
}

struct Setup {
  TemporaryFolder folder;
  std::string model = folder / "model.safetensors";
  std::string images = test::write_idx(folder, 43);
  DeviceChoice automatic = choose_device("auto");

  Setup() { test::write_tiny_model(model); }
  bool gpu() const { return automatic.device.kind == Device::Kind::cuda; }
  test::Outcome classify(std::vector<std::string> extra) const {
    std::vector<std::string> command = {program, "classify", images, "--model", model, "--quiet"};
    command.insert(command.end(), extra.begin(), extra.end());
    return run(command, 300);
  }
  std::string logits(std::vector<std::string> extra) const {
    extra.insert(extra.end(), {"--logits", folder / "logits.safetensors"});
    const auto outcome = classify(extra);
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    const SafetensorsFile file(folder / "logits.safetensors");
    const auto data = file.read("logits");
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
};

}  // namespace

TEST_CASE("auto works everywhere and reports once why there is no GPU") {
  const Setup s;
  for (const char* stages : {"0", "3"}) {
    CAPTURE(stages);
    std::vector<std::string> extra;
    if (*stages != '0') extra = {"--stages", stages};
    const auto outcome = s.classify(extra);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 0);
    CHECK(contains(outcome.err, "43 images"));
    CHECK(count(outcome.err, ": using the CPU\n") == (s.automatic.note.empty() ? 0 : 1));
    CHECK(count(outcome.err, std::string(" on ") + (s.gpu() ? "cuda:0 (" : "cpu, f32")) == 1);
    if (*stages != '0') CHECK(count(outcome.err, s.gpu() ? "cuda:0 f16" : "cpu f32") == 3);
  }
  const auto bench =
      run({program, "bench", "--model", s.model, "--stages", "2", "--seconds", "0.1"});
  CAPTURE(bench.err);
  CHECK(bench.status == 0);
  CHECK(count(bench.err, ": using the CPU\n") == (s.automatic.note.empty() ? 0 : 1));
}

TEST_CASE("without a GPU auto is the CPU, and --device cuda is an error") {
  const Setup s;
  if (s.gpu()) return;
  CHECK(s.logits({}) == s.logits({"--device", "cpu"}));
  for (const char* device : {"cuda", "cuda:1"}) {
    const std::string named = std::string("--device ") + device + ": ";
    check_error(s.classify({"--device", device}), 1, {named.c_str()});
    check_error(s.classify({"--device", device, "--stages", "2"}), 1, {named.c_str()});
    check_error(run({program, "node", "--model", s.model, "--device", device}), 1, {named.c_str()});
    check_error(run({program, "bench", "--model", s.model, "--device", device}), 1,
                {named.c_str()});
  }
}

TEST_CASE("a GPU's answers, alone and in a ring with the CPU") {
  const Setup s;
  if (!s.gpu()) {
    std::printf("SKIPPED: no GPU\n");
    return;
  }
  const auto floats = [](const std::string& bytes) {
    std::vector<float> values(bytes.size() / sizeof(float));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(values.data()));
    return values;
  };
  const std::vector<float> cpu = floats(s.logits({"--device", "cpu"}));
  const auto check_close = [&](const std::string& bytes, double limit) {
    const std::vector<float> ours = floats(bytes);
    REQUIRE(ours.size() == cpu.size());
    double largest = 0;
    for (std::size_t i = 0; i < cpu.size(); ++i)
      largest = std::max(largest, static_cast<double>(std::abs(ours[i] - cpu[i])));
    CHECK(largest < limit);
    CHECK(largest > 0);  // not computed on the CPU
  };
  check_close(s.logits({"--device", "cuda", "--precision", "f32"}), 1e-3);
  check_close(s.logits({"--device", "cuda", "--precision", "f16"}), 3e-2);
  check_close(
      s.logits({"--device", "cuda", "--precision", "f32", "--stages", "3", "--codec", "raw32"}),
      1e-3);

  std::vector<std::unique_ptr<Process>> nodes;
  std::ofstream toml(s.folder / "ring.toml");
  for (const char* device : {"cpu", "cuda:0"}) {
    nodes.push_back(std::make_unique<Process>(
        std::vector<std::string>{program, "node", "--model", s.model, "--listen", "127.0.0.1:0",
                                 "--device", device, "--precision", "f32"}));
    REQUIRE(nodes.back()->wait_for_output(")\n"));
    const std::string& line = nodes.back()->out();
    toml << "[[stage]]\naddress = \"127.0.0.1:" << line.substr(18, line.find(',') - 18) << "\"\n";
  }
  toml.close();
  check_close(s.logits({"--ring", s.folder / "ring.toml", "--codec", "raw32"}), 1e-3);
}

TEST_CASE("unknown devices and precisions") {
  const Setup s;
  check_error(s.classify({"--device", "gpu"}), 2, {"\"gpu\"", "auto, cpu, cuda"});
  check_error(s.classify({"--device", "cuda:x"}), 2, {"\"cuda:x\""});
  check_error(s.classify({"--device", "cpu", "--precision", "f16"}), 2,
              {"--precision f16", "CPU computes in f32 only"});
  check_error(s.classify({"--device", "cpu", "--precision", "half"}), 2,
              {"--precision half", "bf16"});
  // The nodes of a ring choose their own device.
  const auto outcome = s.classify({"--ring", "ring.toml", "--device", "cpu"});
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "--ring"));
}

TEST_CASE("a node logs its device to stderr, not to stdout") {
  const Setup s;
  Process node({program, "node", "--model", s.model, "--listen", "127.0.0.1:0", "--device", "cpu",
                "--threads", "3"});
  REQUIRE(node.wait_for_output(")\n"));
  CHECK(count(node.out(), "\n") == 1);
  CHECK(node.out().rfind("listening on port ", 0) == 0);
  ::kill(node.pid(), SIGTERM);
  CHECK(node.wait(10) == 0);
  CHECK(contains(node.err(), "computing on cpu, f32, 3 threads\n"));
}

TEST_CASE("bench prints text and JSON") {
  const Setup s;
  const std::vector<std::string> command = {program, "bench",   "--model", s.model,     "--seconds",
                                            "0.1",   "--batch", "2",       "--threads", "1"};
  auto outcome = run(command);
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(contains(outcome.out, s.gpu() ? "batch 2 on cuda:0 (" : "batch 2 on cpu, f32, 1 thread"));
  CHECK(contains(outcome.out, "first result after "));
  CHECK(contains(outcome.out, "MB in RAM"));
  auto with_json = command;
  with_json.push_back("--json");
  outcome = run(with_json);
  const auto json = try_parse_json(outcome.out);
  CHECK(json.at("device") == (s.gpu() ? "cuda:0" : "cpu"));
  CHECK(json.at("images_per_s").get<double>() > 0);
  CHECK(json.at("first_result_s").get<double>() > 0);
  CHECK(json.at("in_flight") == (s.gpu() ? 3 : 1));
}
