// Nodes that serve one head after the other, as processes: runs in a row, a head that is killed,
// what a ring file may say, and the nodes' metrics.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "engine/model/model_file.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/http_get.h"
#include "tests/support/process.h"

using namespace quantring;
using test::contains;
using test::Process;
using test::program;

namespace {

struct Ring {
  test::TemporaryFolder folder;
  std::string model = folder / "model.safetensors", file = folder / "ring.toml", images;
  std::vector<std::unique_ptr<Process>> nodes;

  explicit Ring(std::uint32_t count, std::vector<std::string> node_options = {}) {
    test::write_tiny_model(model);
    images = test::write_idx(folder, count);
    // As people write it: the model beside the ring file.
    std::string text = "model = \"model.safetensors\"\n";
    for (int i = 0; i < 2; ++i) {
      std::vector<std::string> command = {program,    "node",        "--model",   model,
                                          "--listen", "127.0.0.1:0", "--threads", "1"};
      command.insert(command.end(), node_options.begin(), node_options.end());
      nodes.push_back(std::make_unique<Process>(command));
      REQUIRE(nodes.back()->wait_for_output(")\n"));
      const std::string& line = nodes.back()->out();
      text += "[[stage]]\naddress = \"127.0.0.1:" + line.substr(18, line.find(',') - 18) + "\"\n";
    }
    std::ofstream(file) << text;
  }
  std::vector<std::string> head(std::vector<std::string> extra = {}) const {
    std::vector<std::string> command = {program, "classify", images, "--ring", file, "--quiet"};
    command.insert(command.end(), extra.begin(), extra.end());
    return command;
  }
};

}  // namespace

TEST_CASE("runs in a row: no node is still busy with the run before") {
  const Ring ring(200);
  for (int i = 0; i < 12; ++i) {
    const auto outcome = test::run(ring.head());
    CAPTURE(outcome.err);
    CHECK(outcome.status == 0);
    CHECK_FALSE(contains(outcome.err, "busy with"));
  }
  for (const auto& node : ring.nodes) {
    node->wait_for_output("nothing more", 0.2);
    CHECK_FALSE(contains(node->err(), "refused a connection"));
  }
}

TEST_CASE("the head is killed: its nodes serve the next one at once") {
  const Ring ring(300000);
  for (const int signal : {SIGKILL, SIGINT, SIGTERM}) {
    CAPTURE(signal);
    Process first(ring.head());
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    ::kill(first.pid(), signal);
    const auto outcome = test::run(ring.head({"--limit", "50"}));
    CAPTURE(outcome.err);
    CHECK(outcome.status == 0);
    first.wait(10);
  }
}

TEST_CASE("a head that SIGINT or SIGTERM ends says goodbye and reports what was answered") {
  const Ring ring(300000, {"--metrics", "127.0.0.1:0"});
  for (const int signal : {SIGINT, SIGTERM}) {
    CAPTURE(signal);
    Process head({program, "classify", ring.images, "--ring", ring.file, "--json"});
    REQUIRE(head.wait_for_output("\n"));
    ::kill(head.pid(), signal);
    CHECK(head.wait() == 128 + signal);
    CAPTURE(head.err());
    CHECK(contains(head.err(), "stopped by a signal"));
    // Whole lines, as many as the closing report says.
    CHECK(head.out().back() == '\n');
    const auto lines = std::count(head.out().begin(), head.out().end(), '\n');
    CHECK(contains(head.err(), std::to_string(lines) + " images in "));
    CHECK_FALSE(contains(head.err(), "error:"));
  }
  for (const auto& node : ring.nodes) {
    node->wait_for_output("nothing more", 0.2);
    std::smatch port;
    const std::string log = node->err();
    REQUIRE(std::regex_search(log, port, std::regex("metrics on port ([0-9]+)")));
    const std::string url = "http://127.0.0.1:" + port[1].str() + "/metrics";
    std::string text;
    for (int i = 0; i < 50 && !contains(text, "quantring_node_sessions_total 2\n"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      text = test::http_get(url).body;
    }
    CHECK(contains(text, "quantring_node_sessions_total 2\n"));
    CHECK(contains(text, "quantring_node_sessions_failed_total 0\n"));
  }
}

TEST_CASE("a head that waits for a busy ring says for whom") {
  const Ring ring(300000);
  const Process first(ring.head());
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  Process second(ring.head({"--limit", "50"}));
  CHECK(second.wait() == 1);
  const std::string& text = second.err();
  CAPTURE(text);
  const auto waits = text.find("busy with a session of 127.0.0.1; trying again for 5 s\n");
  REQUIRE(waits != std::string::npos);
  CHECK(contains(text.substr(0, waits), "stage 0"));
  CHECK(text.find("trying again for", waits + 60) == std::string::npos);  // once
}

TEST_CASE("a node says once that its model file was replaced between two sessions") {
  const Ring ring(20, {"--metrics", "127.0.0.1:0"});
  REQUIRE(test::run(ring.head()).status == 0);
  test::write_tiny_model(ring.model, 8);
  for (int i = 0; i < 3; ++i) CHECK(test::run(ring.head()).status == 0);
  const std::string hash = ModelFile(ring.model).hash(), text = "was replaced: its hash was ";
  for (const auto& node : ring.nodes) {
    node->wait_for_output("nothing more", 0.2);
    const std::string& log = node->err();
    CAPTURE(log);
    const auto said = log.find(text);
    REQUIRE(said != std::string::npos);
    CHECK(contains(log, " and is " + hash.substr(0, 16) + " now\n"));
    CHECK(log.find(text, said + 1) == std::string::npos);
    std::smatch port;
    REQUIRE(std::regex_search(log, port, std::regex("metrics on port ([0-9]+)")));
    std::string metrics;
    for (int i = 0; i < 50 && !contains(metrics, hash); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      metrics = test::http_get("http://127.0.0.1:" + port[1].str() + "/metrics").body;
    }
    CHECK(contains(metrics, hash));
  }
}

TEST_CASE("a ring file's model is looked for beside it, then here, and its mistakes are options") {
  const test::TemporaryFolder folder;
  const std::string file = folder / "ring.toml", images = test::write_idx(folder, 3);
  const std::string stage = "[[stage]]\naddress = \"127.0.0.1:1\"\n";
  const auto run = [&](const std::string& text) {
    std::ofstream(file) << text;
    return test::run({program, "classify", images, "--ring", file});
  };
  const auto missing = run("model = \"none.safetensors\"\n" + stage);
  CHECK(missing.status == 1);
  CHECK(contains(missing.err, folder / "none.safetensors"));
  CHECK(contains(missing.err, (std::filesystem::current_path() / "none.safetensors").string()));
  test::write_tiny_model(folder / "model.safetensors");
  const auto found = run("model = \"model.safetensors\"\n" + stage);
  CHECK(contains(found.err, "127.0.0.1:1"));  // it got as far as connecting
  for (const char* wrong : {"[link]\ncodec = \"pqt\"\nbits = 4\n", "[link]\npolicy = \"best\"\n",
                            "[link]\nfloor = 101\n", "listen = 3\n", "model = x\n"}) {
    CAPTURE(wrong);
    CHECK(run(wrong + stage).status == 2);
  }
  const auto listen = [&](const char* address) {
    return test::run(
        {program, "node", "--model", folder / "model.safetensors", "--listen", address});
  };
  for (const char* wrong : {"10.0.0.300:7710", "0.0.0.0.7710"}) {
    CAPTURE(wrong);
    CHECK(listen(wrong).status == 2);
  }
  // A service is started again: its machine's resolver may not be up yet.
  const auto unknown = listen("no-such-host.invalid:7710");
  CHECK(unknown.status == 1);
  CHECK(contains(unknown.err, "cannot resolve 'no-such-host.invalid'"));
}

TEST_CASE("a node tells Prometheus what it does") {
  const Ring ring(300, {"--metrics", "127.0.0.1:0"});
  std::smatch port;
  ring.nodes[0]->wait_for_output("nothing more", 0.2);
  const std::string log = ring.nodes[0]->err();
  REQUIRE(std::regex_search(log, port, std::regex("metrics on port ([0-9]+)")));
  const std::string url = "http://127.0.0.1:" + port[1].str() + "/";
  CHECK(test::http_get(url + "healthz").body == "ok\n");
  REQUIRE(test::run(ring.head()).status == 0);
  std::string text;
  for (int i = 0; i < 50 && !contains(text, "quantring_node_images_total 300\n"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    text = test::http_get(url + "metrics").body;
  }
  CAPTURE(text);
  CHECK(contains(text, "# TYPE quantring_node_images_total counter\n"));
  CHECK(contains(text, "quantring_node_images_total 300\n"));
  CHECK(contains(text, "quantring_node_sessions_total 1\n"));
  CHECK(contains(text, "quantring_node_sessions_failed_total 0\n"));
  CHECK(contains(text, "quantring_node_busy 0\n"));
  CHECK(contains(text, "process_resident_memory_bytes "));
}
