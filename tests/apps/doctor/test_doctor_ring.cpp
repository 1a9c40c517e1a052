// `quantring doctor --ring` with real nodes: all working, one dead, one with another model, one
// busy, one of another version; and wrong ring files.

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <thread>

#include "apps/session/node/probe_order.h"
#include "apps/session/node/probe_worker.h"
#include "apps/session/node/stage_worker.h"
#include "net/ring/ring_head.h"
#include "net/ring/ring_node.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"

using namespace quantring;
using namespace quantring::test;

namespace {

class Nodes {
 public:
  explicit Nodes(const std::vector<std::string>& models) {
    for (const std::string& model : models) {
      nodes_.push_back(std::make_unique<Process>(
          std::vector<std::string>{program, "node", "--model", model, "--listen", "127.0.0.1:0"}));
    }
    for (const auto& node : nodes_) {
      REQUIRE(node->wait_for_output("\n"));
      constexpr const char* prefix = "listening on port ";
      REQUIRE(node->out().rfind(prefix, 0) == 0);
      addresses_.push_back("127.0.0.1:" +
                           std::to_string(std::atoi(node->out().c_str() + std::strlen(prefix))));
    }
  }
  const std::vector<std::string>& addresses() const { return addresses_; }
  void kill(std::size_t node) { nodes_[node].reset(); }

 private:
  std::vector<std::unique_ptr<Process>> nodes_;
  std::vector<std::string> addresses_;
};

struct Setup {
  TemporaryFolder folder;
  std::string model = (folder / "model.safetensors").string(),
              other = (folder / "other.safetensors").string();
  Setup() {
    write_tiny_model(model);
    write_tiny_model(other, 8);
  }
  std::string ring(const std::vector<std::string>& addresses) const {
    const auto path = folder / "ring.toml";
    std::ofstream file(path);
    file << "model = \"" << model << "\"\n";
    for (const auto& address : addresses) file << "[[stage]]\naddress = \"" << address << "\"\n";
    return path.string();
  }
};

struct Diagnosis {
  int status = 0;
  std::string err;
  nlohmann::json json;

  // Findings of one severity about subjects with this prefix.
  std::vector<std::string> found(const std::string& subject, const std::string& severity) const {
    std::vector<std::string> texts;
    for (const auto& section : json["sections"]) {
      for (const auto& each : section["findings"]) {
        if (each["subject"].get<std::string>().rfind(subject, 0) == 0 &&
            each["severity"] == severity) {
          texts.push_back(each["found"]);
        }
      }
    }
    return texts;
  }
  // Of the first problem with this subject prefix.
  std::string remedy(const std::string& subject) const {
    for (const auto& section : json["sections"]) {
      for (const auto& each : section["findings"]) {
        if (each["severity"] == "problem" &&
            each["subject"].get<std::string>().rfind(subject, 0) == 0) {
          return each["remedy"];
        }
      }
    }
    return {};
  }
  std::vector<std::string> problems(const std::string& subject = "") const {
    return found(subject, "problem");
  }
};

Diagnosis diagnose(const std::string& ring) {
  const Outcome outcome = run({program, "doctor", "--ring", ring, "--json"});
  Diagnosis diagnosis;
  diagnosis.status = outcome.status;
  diagnosis.err = outcome.err;
  diagnosis.json = try_parse_json(outcome.out);
  INFO(outcome.out << outcome.err);
  REQUIRE(diagnosis.json.is_object());
  return diagnosis;
}

}  // namespace

TEST_CASE("a working ring: every node, every link, and it still works afterwards") {
  const Setup s;
  const Nodes nodes({s.model, s.model, s.model});
  const std::string ring = s.ring(nodes.addresses());
  const Diagnosis diagnosis = diagnose(ring);
  CHECK(diagnosis.status == 0);
  CHECK(diagnosis.problems().empty());
  CHECK(diagnosis.json["problems"] == 0);
  for (int stage = 0; stage < 3; ++stage) {
    const auto lines = diagnosis.found("stage " + std::to_string(stage) + " (127.0.0.1:", "ok");
    REQUIRE(lines.size() == 2);
    CHECK(contains(lines[0], "version " QUANTRING_VERSION));
    CHECK(contains(lines[0], "round trip"));
    CHECK(contains(lines[1], "model " + ModelFile(s.model).hash().substr(0, 16)));
  }
  for (const char* link :
       {"head -> stage 0", "stage 0 -> stage 1", "stage 1 -> stage 2", "stage 2 -> head"}) {
    CAPTURE(link);
    const auto lines = diagnosis.found(link, "ok");
    REQUIRE(lines.size() == 1);
    CHECK(contains(lines[0], "Mbit/s of data"));
    CHECK(contains(lines[0], " ms"));
  }
  const std::string images = write_idx(s.folder, 20);
  Outcome outcome;
  for (int i = 0; i < 50; ++i) {  // a node may not have noticed the end of the probe yet
    outcome = run({program, "classify", images, "--ring", ring, "--quiet"});
    if (!contains(outcome.err, "busy with a session")) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  CHECK(outcome.status == 0);
}

TEST_CASE("text and JSON have the same findings") {
  const Setup s;
  const Nodes nodes({s.other});
  const std::string ring = s.ring(nodes.addresses());
  const Diagnosis diagnosis = diagnose(ring);
  const Outcome text = run({program, "doctor", "--ring", ring});
  CHECK(text.status == 1);
  CHECK(text.status == diagnosis.status);
  CHECK(!contains(text.out, "\x1b"));  // not a terminal
  int findings = 0;
  for (const auto& section : diagnosis.json["sections"]) {
    CHECK(contains(text.out, section["title"].get<std::string>() + "\n"));
    for (const auto& each : section["findings"]) {
      ++findings;
      CHECK(contains(text.out, "  " + each["severity"].get<std::string>()));
      CHECK(contains(text.out, "  " + each["subject"].get<std::string>() + "  "));
      if (each.contains("remedy"))
        CHECK(contains(text.out, "-> " + each["remedy"].get<std::string>()));
    }
  }
  CHECK(findings > 8);
}

TEST_CASE("a dead node does not hide the others") {
  const Setup s;
  Nodes nodes({s.model, s.model, s.model});
  const std::string ring = s.ring(nodes.addresses());
  nodes.kill(1);
  const Diagnosis diagnosis = diagnose(ring);
  CHECK(diagnosis.status == 1);
  REQUIRE(diagnosis.problems().size() == 1);
  CHECK(contains(diagnosis.problems("stage 1")[0],
                 "stage 1 (" + nodes.addresses()[1] + "): connection refused"));
  CHECK(contains(diagnosis.remedy("stage 1"), "quantring node"));
  CHECK(diagnosis.found("stage 0", "ok").size() == 2);
  CHECK(diagnosis.found("stage 2", "ok").size() == 2);
  CHECK(diagnosis.found("ring", "note").size() == 1);
}

TEST_CASE("a node with another model") {
  const Setup s;
  const Nodes nodes({s.model, s.other});
  const Diagnosis diagnosis = diagnose(s.ring(nodes.addresses()));
  CHECK(diagnosis.status == 1);
  REQUIRE(diagnosis.problems("stage 1").size() == 1);
  CHECK(contains(diagnosis.problems("stage 1")[0],
                 "its model is " + ModelFile(s.other).hash().substr(0, 16)));
  CHECK(diagnosis.problems().size() == 1);
}

TEST_CASE("a node that works for another head is not disturbed") {
  const Setup s;
  const Nodes nodes({s.model, s.model});
  net::HeadOptions options;
  options.stages = {{nodes.addresses()[0], probe_order_json()}};
  net::RingHead other_head(options);
  const Diagnosis diagnosis = diagnose(s.ring(nodes.addresses()));
  CHECK(diagnosis.status == 1);
  REQUIRE(diagnosis.problems("stage 0").size() == 1);
  CHECK(contains(diagnosis.problems("stage 0")[0], "busy with a session of 127.0.0.1"));
  CHECK(contains(diagnosis.remedy("stage 0"), "stop that session"));
  CHECK(diagnosis.found("stage 1", "ok").size() == 2);
  other_head.finish();  // was not disturbed
}

TEST_CASE("a node of another version") {
  const Setup s;
  net::NodeOptions options;
  options.listen = "127.0.0.1:0";
  options.version = "0.0.1";
  net::RingNode node(
      options,
      [&](const std::string&, int, int) {
        return std::make_unique<ProbeWorker>(s.model, ContextOptions{});
      },
      [](const std::string&) {});
  std::thread serving([&] { node.run(); });
  const Diagnosis diagnosis = diagnose(s.ring({"127.0.0.1:" + std::to_string(node.port())}));
  node.stop();
  serving.join();
  CHECK(diagnosis.status == 1);
  REQUIRE(diagnosis.problems("stage 0").size() == 1);
  CHECK(contains(diagnosis.problems("stage 0")[0], "this is version 0.0.1"));
  CHECK(contains(diagnosis.remedy("stage 0"), "install the same package"));
}

TEST_CASE("a wrong ring file is a finding, and the other checks still run") {
  const Setup s;
  const std::string ring = s.ring({"127.0.0.1:1", "127.0.0.1:1"});
  Diagnosis diagnosis = diagnose(ring);
  CHECK(diagnosis.status == 1);
  REQUIRE(diagnosis.problems("ring file").size() == 1);
  CHECK(contains(diagnosis.problems("ring file")[0], "is given twice"));
  CHECK(!diagnosis.found("memory", "ok").empty());
  diagnosis = diagnose((s.folder / "none.toml").string());
  CHECK(contains(diagnosis.problems("ring file")[0], "none.toml"));
}

TEST_CASE("without a ring: this machine and a model file") {
  const Setup s;
  Outcome outcome = run({program, "doctor", "--model", s.model});
  CHECK(outcome.status == 0);
  CHECK(contains(outcome.out, "no problems"));
  CHECK(outcome.err.empty());
  outcome = run({program, "doctor", "--model", (s.folder / "none").string()});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.out, "1 problem"));
  CHECK(contains(outcome.err, "error: problems were found, see above"));
  CHECK(run({program, "doctor", "--nonsense"}).status == 2);
}
