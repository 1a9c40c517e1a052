// Nodes that hold only their part of the model, as files made by `quantring-weights shard`.

#include <doctest/doctest.h>

#include <fstream>
#include <memory>

#include "engine/model/safetensors.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/texts.h"

using namespace quantring;
using quantring::test::contains;
using test::Process;
using test::program;
using test::run;
using test::TemporaryFolder;

namespace {

const std::string weights_program = quantring::test::built_path("quantring-weights");

std::string logits_of(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const auto data = file.read("logits");
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

// Nodes on ports of their own, one a model file, and the ring file that names them.
class Ring {
 public:
  Ring(const std::filesystem::path& file, const std::vector<std::string>& models,
       const std::vector<std::string>& blocks) {
    std::ofstream toml(file);
    for (std::size_t i = 0; i < models.size(); ++i) {
      nodes_.push_back(std::make_unique<Process>(std::vector<std::string>{
          program, "node", "--model", models[i], "--listen", "127.0.0.1:0", "--threads", "1"}));
      REQUIRE(nodes_.back()->wait_for_output(")\n"));
      const std::string& line = nodes_.back()->out();
      const std::string port = line.substr(18, line.find(',') - 18);  // "listening on port N, ..."
      toml << "[[stage]]\naddress = \"127.0.0.1:" << port << "\"\n";
      if (!blocks.empty()) toml << "blocks = \"" << blocks[i] << "\"\n";
    }
  }
  const std::string& first_line(std::size_t node) const { return nodes_[node]->out(); }

 private:
  std::vector<std::unique_ptr<Process>> nodes_;
};

struct Setup {
  TemporaryFolder folder;
  std::string model = folder / "model.safetensors";
  std::string images;
  Setup() {
    test::write_tiny_model(model);
    images = test::write_idx(folder, 50);
  }
  std::string shard(const std::string& layers) const {
    const std::string path = folder / (layers + ".safetensors");
    const auto outcome = run({weights_program, "shard", model, "--layers", layers, "-o", path});
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    CHECK(contains(outcome.out, "quantring node --model " + path));
    return path;
  }
  test::Outcome classify(const std::string& head_model, bool ring) const {
    std::vector<std::string> command = {
        program,    "classify", images,     "--model",
        head_model, "--quiet",  "--logits", folder / "logits.safetensors"};
    if (ring) command.insert(command.end(), {"--ring", folder / "ring.toml", "--codec", "raw32"});
    return run(command);
  }
  std::string logits() const { return logits_of(folder / "logits.safetensors"); }
};

}  // namespace

TEST_CASE("a ring of parts gives the bits of one process with the whole model") {
  const Setup setup;
  REQUIRE(setup.classify(setup.model, false).status == 0);
  const std::string alone = setup.logits();
  REQUIRE(alone.size() == 50 * 10 * 4);
  const std::vector<std::string> blocks = {"0-2", "2-4.5", "4.5-6"};
  std::vector<std::string> parts;
  for (const auto& range : blocks) parts.push_back(setup.shard(range));
  const Ring ring(setup.folder / "ring.toml", parts, blocks);
  CHECK(contains(ring.first_line(1), "blocks 2-4.5)"));
  // The head may hold the whole model, or any part.
  for (const std::string& head : {setup.model, parts[0], parts[1]}) {
    CAPTURE(head);
    std::filesystem::remove(setup.folder / "logits.safetensors");
    const auto outcome = setup.classify(head, true);
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    CHECK(setup.logits() == alone);
  }
}

TEST_CASE("a part serves every range inside it; without blocks the ring is split evenly") {
  const Setup setup;
  REQUIRE(setup.classify(setup.model, false).status == 0);
  const std::string alone = setup.logits();
  const Ring ring(setup.folder / "ring.toml",
                  {setup.shard("0-4"), setup.shard("1.5-5"), setup.model}, {});
  const auto outcome = setup.classify(setup.model, true);
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(contains(outcome.err, "blocks 2-4"));
  CHECK(setup.logits() == alone);
}

TEST_CASE("a node that lacks blocks names them, and how to get them") {
  const Setup setup;
  const Ring ring(setup.folder / "ring.toml", {setup.shard("0-2"), setup.shard("2-5")},
                  {"0-2", "2-6"});
  const auto outcome = setup.classify(setup.model, true);
  CHECK(outcome.status == 1);
  CHECK(
      contains(outcome.err, "2-5.safetensors' holds only blocks 2-5 and is asked for blocks 2-6"));
  CHECK(contains(outcome.err, "shard MODEL --layers 2-6"));
}

TEST_CASE("a part alone classifies nothing") {
  const Setup setup;
  const std::string part = setup.shard("0-3");
  auto outcome = setup.classify(part, false);
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "holds only blocks 0-3 of 6"));
  outcome = run({program, "classify", setup.images, "--model", part, "--stages", "2"});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "holds only blocks 0-3 of 6"));
  outcome = run({program, "bench", "--model", part});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "needs the whole model"));
}
