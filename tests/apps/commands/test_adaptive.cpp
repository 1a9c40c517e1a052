// `quantring classify` on links that are too slow for raw32, with real node processes.

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include "engine/control/ladder.h"
#include "engine/model/safetensors.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"

using namespace quantring;
using test::contains;
using test::file_text;
using test::Process;
using test::program;
using test::run;
using test::TemporaryFolder;

namespace {

// A picture of the tiny model is 640 bytes on a link in raw32, so 781 images/s is the most that
// raw32 can do at 4 Mbit/s.
struct Setup {
  TemporaryFolder folder;
  std::string model = folder / "model.safetensors";
  std::string report = folder / "report.json";
  std::string images;

  explicit Setup(std::uint32_t count) {
    test::write_tiny_model(model);
    images = test::write_idx(folder, count);
  }
  test::Outcome classify(std::vector<std::string> extra) const {
    std::vector<std::string> command = {program, "classify", images,          "--model",
                                        model,   "--quiet",  "--report-json", report};
    command.insert(command.end(), extra.begin(), extra.end());
    auto outcome = run(command, 120);
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    return outcome;
  }
  nlohmann::json last_report() const { return try_parse_json(file_text(report)); }
};

}  // namespace

TEST_CASE("policy ladder codes a slow link coarser until it reaches the target") {
  const Setup s(20000);
  const auto outcome = s.classify({"--stages", "2", "--link-mbps", "4", "--target", "2000"});
  const auto report = s.last_report();
  CAPTURE(outcome.err);
  CHECK(report.at("policy") == "ladder");
  CHECK(report.at("images") == 20000);
  CHECK(report.at("images_per_s") > 1000);
  const auto& link = report.at("links").at(1);
  CHECK(link.at("link") == "0 -> 1");
  CHECK(link.at("bits") <= 8);
  CHECK(link.at("target_images_per_s") == 2000);
  CHECK(link.at("decision_count") == link.at("decisions").size());
  REQUIRE(link.at("decisions").size() >= 1);
  const auto& first = link.at("decisions").at(0);
  CHECK(first.at("from").at("codec") == "raw32");
  CHECK(first.at("to").at("bits") < 32);
  CHECK(first.at("cause").get<std::string>().size() > 10);
  // The same as text, with a note that answers may differ.
  CHECK(contains(outcome.err, "capacity Mbit/s"));
  CHECK(contains(outcome.err, "0 -> 1: batch " + std::to_string(first.at("batch").get<int>())));
  CHECK(contains(outcome.err, "raw32 -> "));
  CHECK(contains(outcome.err, "some answers may differ"));
  // The last link carries logits, which are not coded.
  CHECK_FALSE(report.at("links").at(2).contains("decisions"));
}

TEST_CASE("policy ladder leaves a fast link at raw32, with the bits of one process") {
  const Setup s(3000);
  const auto logits = [&](std::vector<std::string> extra) {
    const std::string path = s.folder / "logits.safetensors";
    extra.insert(extra.end(), {"--logits", path});
    const auto outcome = s.classify(extra);
    CHECK_FALSE(contains(outcome.err, "some answers may differ"));
    return file_text(path);
  };
  const std::string alone = logits({});
  CHECK_FALSE(s.last_report().contains("links"));
  // A target that any machine meets, so that a busy one does not make the test fail.
  CHECK(logits({"--stages", "3", "--target", "1"}) == alone);
  CHECK(s.last_report().at("links").at(1).at("codec") == "raw32");
  CHECK(s.last_report().at("links").at(2).at("decision_count") == 0);
}

TEST_CASE("the floor is kept, and that the target is missed is said") {
  const Setup s(3000);
  const OperatingPoint second = default_ladder().at(1);
  const auto outcome = s.classify({"--stages", "2", "--link-mbps", "2", "--target", "4000",
                                   "--floor", std::to_string(second.agreement - 0.0001)});
  CAPTURE(outcome.err);
  const auto report = s.last_report();
  const auto& link = report.at("links").at(1);
  CHECK(link.at("codec") == codec_name(second.codec.id));
  CHECK(link.at("bits") == second.codec.bits);
  bool said = false;
  for (const auto& decision : link.at("decisions")) {
    CHECK(decision.at("to").at("bits") >= second.codec.bits);
    said = said || (decision.at("short_of_target") == true &&
                    contains(decision.at("cause").get<std::string>(), "floor"));
  }
  CHECK(said);
}

TEST_CASE("policy quantpipe takes powers of two of its codec's bits") {
  const Setup s(8000);
  s.classify({"--stages", "2", "--link-mbps", "4", "--target", "2000", "--policy", "quantpipe",
              "--codec", "ptq", "--bits", "16"});
  const auto report = s.last_report();
  CHECK(report.at("policy") == "quantpipe");
  const auto& link = report.at("links").at(1);
  CHECK(link.at("codec") == "ptq");
  CHECK(link.at("bits") <= 8);
  REQUIRE(link.at("decisions").size() >= 1);
  for (const auto& decision : link.at("decisions")) {
    const int bits = decision.at("to").at("bits");
    CHECK((bits & (bits - 1)) == 0);
  }
}

TEST_CASE("a ring file sets the policy, the node's log every decision, and a codec stays fixed") {
  const Setup s(6000);
  std::vector<std::unique_ptr<Process>> nodes;
  std::string stages;
  for (int i = 0; i < 2; ++i) {
    nodes.push_back(std::make_unique<Process>(std::vector<std::string>{
        program, "node", "--model", s.model, "--listen", "127.0.0.1:0", "--threads", "1"}));
    REQUIRE(nodes.back()->wait_for_output(")\n"));
    const std::string& line = nodes.back()->out();
    stages += "[[stage]]\naddress = \"127.0.0.1:" + line.substr(18, line.find(',') - 18) + "\"\n";
  }
  const std::string toml = s.folder / "ring.toml";
  std::ofstream(toml) << "[link]\npolicy = \"ladder\"\ntarget = 2000\nmbps = 3\n" << stages;
  s.classify({"--ring", toml});
  const auto decided = s.last_report().at("links").at(1).at("decisions").size();
  CHECK(decided >= 1);
  // A flag that names a codec fixes it, whatever the file has.
  s.classify({"--ring", toml, "--codec", "raw16", "--limit", "100"});
  CHECK(s.last_report().at("links").at(1).at("codec") == "raw16");
  CHECK(s.last_report().at("policy") == "fixed");

  ::kill(nodes[0]->pid(), SIGTERM);
  CHECK(nodes[0]->wait(10) == 0);
  std::size_t logged = 0;
  const std::string& log = nodes[0]->err();
  for (auto at = log.find("link 0 -> 1: batch "); at != std::string::npos;
       at = log.find("link 0 -> 1: batch ", at + 1))
    ++logged;
  CAPTURE(log);
  CHECK(logged == decided);
}
