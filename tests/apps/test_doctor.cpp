// The parts of `quantring doctor`: how findings are told, other programs, test frames, and what is
// made of the answers of a ring.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "apps/doctor/checks.h"
#include "apps/doctor/link_readings.h"
#include "apps/doctor/run_program.h"
#include "apps/probe_frames.h"
#include "tests/apps/doctor_fixture.h"
#include "tests/apps/programs.h"

using namespace quantring;
using namespace quantring::apps;
using namespace quantring::test;
using State = NodeProbe::State;

namespace {

const std::vector<Section> example = {
    {"Memory",
     {{Severity::ok, "memory", "5 GB of 8 GB can be taken", ""},
      {Severity::warning, "swap", "half of it used", "end other programs"}}},
    {"Jetson", {}},
    {"Ring", {{Severity::problem, "stage 0", "bad\x1b[31m\nname", "restart it"}}}};

RingConfig ring_of(int stages) {
  RingConfig ring;
  for (int i = 0; i < stages; ++i) {
    ring.stages.push_back({"10.0.0." + std::to_string(i + 1) + ":7710", std::nullopt});
  }
  return ring;
}

NodeProbe answering(const ModelFile& model) {
  NodeProbe node;
  node.state = State::answers;
  node.version = "1";
  node.rtt_s = 0.0012;
  node.report.model_hash = model.hash();
  node.report.part = model.part();
  node.report.half_blocks = model.architecture().half_blocks();
  node.report.compute = "cpu, f32, 6 threads";
  node.report.host = "orin";
  node.report.cores = 6;
  node.report.memory_bytes = 8'000'000'000;
  node.report.free_bytes = 5'000'000'000;
  return node;
}

NodeProbe failing(State state, const std::string& error) {
  NodeProbe node;
  node.state = state;
  node.error = error;
  return node;
}

struct TinyModel {
  TemporaryFolder folder;
  std::string path = (folder / "tiny.safetensors").string();
  std::optional<ModelFile> file;
  TinyModel() {
    write_tiny_model(path);
    file.emplace(path);
  }
};

}  // namespace

TEST_CASE("findings as text: aligned, the remedy beneath, nothing that steers a terminal") {
  CHECK(findings_text(example, false) ==
        "Memory\n"
        "  ok       memory  5 GB of 8 GB can be taken\n"
        "  warning  swap    half of it used\n"
        "                   -> end other programs\n"
        "\n"
        "Ring\n"
        "  problem  stage 0  bad [31m name\n"
        "                    -> restart it\n"
        "\n"
        "1 problem, 1 warning\n");
  CHECK(contains(findings_text(example, true), "\x1b[31mproblem\x1b[0m"));
  CHECK(any_problem(example));
  CHECK(!any_problem({example[0]}));
}

TEST_CASE("findings as JSON") {
  const auto json = nlohmann::json::parse(findings_json(example));
  CHECK(json["version"] == QUANTRING_VERSION);
  CHECK(json["problems"] == 1);
  CHECK(json["warnings"] == 1);
  REQUIRE(json["sections"].size() == 2);
  CHECK(json["sections"][0]["title"] == "Memory");
  const auto& swap = json["sections"][0]["findings"][1];
  CHECK(swap["severity"] == "warning");
  CHECK(swap["subject"] == "swap");
  CHECK(swap["found"] == "half of it used");
  CHECK(swap["remedy"] == "end other programs");
  CHECK(!json["sections"][0]["findings"][0].contains("remedy"));
}

TEST_CASE("other programs: their status, and an end to those that hang") {
  using std::chrono::seconds;
  CHECK(exit_status({"true"}, seconds(20)) == 0);
  CHECK(exit_status({"sh", "-c", "exit 3"}, seconds(20)) == 3);
  CHECK(!exit_status({"no-such-program-here"}, seconds(20)));
  CHECK(!exit_status({"sleep", "1000"}, std::chrono::milliseconds(50)));
  CHECK(in_path("sh"));
  CHECK(!in_path("no-such-program-here"));
}

// A link that carries so many bytes a second, and counts as net::Link does.
std::vector<std::size_t> lengths_on(double bytes_per_second, int frames) {
  ProbeFrames probe;
  net::LinkStats link;
  std::vector<std::size_t> lengths;
  for (int i = 0; i < frames; ++i) {
    const net::Message message = probe.next(link);
    lengths.push_back(message.payload.size());
    link.wire_bytes += message.payload.size() + 56;
    link.sending_s += static_cast<double>(message.payload.size()) / bytes_per_second;
  }
  return lengths;
}

TEST_CASE("test frames last about 0.15 s on any link, and never begin long") {
  for (const double mbit : {1.0, 20.0, 500.0}) {
    CAPTURE(mbit);
    const double per_second = mbit * 1e6 / 8;
    const auto lengths = lengths_on(per_second, 20);
    CHECK(lengths.front() == 16384);
    for (std::size_t i = 1; i < lengths.size(); ++i) CHECK(lengths[i] <= 4 * lengths[i - 1]);
    CHECK(static_cast<double>(lengths.back()) / per_second == doctest::Approx(0.15).epsilon(0.05));
  }
  CHECK(lengths_on(1000, 20).back() == 4096);                   // the least
  CHECK(lengths_on(1e12, 20).back() == std::size_t{16} << 20);  // the most
  // While nothing has gone out, nothing is known.
  ProbeFrames probe;
  for (int i = 0; i < 5; ++i) CHECK(probe.next({}).payload.size() == 16384);
}

TEST_CASE("the readings of a link: the median of the latest, or at least what went through") {
  net::RingStats idle;
  idle.stages.resize(1);
  idle.input.rtt_s = 0.002;
  idle.stages[0].output.rtt_s = 0.004;
  LinkReadings readings(2);
  CHECK(readings.links(idle)[0].capacity == net::Capacity::unknown);
  net::RingStats now = idle;
  now.input.rtt_s = 0.3;  // under load: the queue
  const auto add = [&](double first, net::Capacity kind, double second) {
    now.input.capacity = net::Capacity::measured;
    now.input.capacity_bps = first;
    now.stages[0].output.capacity = kind;
    now.stages[0].output.capacity_bps = second;
    readings.add(now);
  };
  for (const double bps : {1e9, 5e7, 9.8e7, 9.5e7, 9.6e7, 2e8, 2e8, 2e8, 2e8}) {
    add(bps, net::Capacity::at_least, bps / 10);
  }
  CHECK(!readings.enough());
  const auto links = readings.links(idle);
  CHECK(links[0].capacity == net::Capacity::measured);
  CHECK(links[0].capacity_bps == 9.6e7);  // of the last five that differ
  CHECK(links[0].rtt_s == 0.002);
  CHECK(links[1].capacity == net::Capacity::at_least);
  CHECK(links[1].capacity_bps == 1e8);
  CHECK(links[1].rtt_s == 0.004);
  for (const double bps : {1e7, 2e7, 3e7}) add(9e7 + bps, net::Capacity::measured, bps);
  CHECK(readings.enough());
}

TEST_CASE("nodes: all is well") {
  const TinyModel model;
  const RingConfig ring = ring_of(2);
  const std::vector<NodeProbe> nodes(2, answering(*model.file));
  WholeRingProbe whole;
  whole.round_s = 0.003;
  const auto found = check_nodes(ring, &*model.file, nodes, &whole);
  CHECK(count(found, Severity::ok) == static_cast<int>(found.size()));
  CHECK(contains(found[0].found, "orin, version 1, round trip 1.20 ms"));
  CHECK(contains(found[1].found, "blocks 0-3"));
  CHECK(contains(the(found, "ring").found, "goes round"));
}

TEST_CASE("nodes: each way to be wrong has its remedy") {
  const TinyModel model;
  const RingConfig ring = ring_of(1);
  const std::string subject = "stage 0 (10.0.0.1:7710)";
  const auto told = [&](const NodeProbe& node, const std::string& remedy) {
    const auto found = check_nodes(ring, &*model.file, {node}, nullptr);
    CAPTURE(found.front().found);
    CHECK(count(found, Severity::problem) == 1);
    CHECK(contains(found[found.size() - 2].remedy, remedy));
    CHECK(found[found.size() - 2].subject == subject);
    CHECK(the(found, "ring").severity == Severity::note);
  };
  told(failing(State::unreachable, "cannot connect to it: connection refused"),
       "quantring node --model FILE --listen 0.0.0.0:7710");
  told(failing(State::unreachable, "cannot connect to it: no answer within 5 s"),
       "ufw allow 7710/tcp");
  told(failing(State::unreachable, "cannot resolve 'x'"), "check the name");
  told(failing(State::busy, "busy with a session of 10.0.0.9"), "end that session");
  told(failing(State::other_version, "this is version 2"), "same package");
  told(failing(State::failed, "something"), "journalctl");
  told(failing(State::no_way_back, "cannot connect to the head (10.0.0.9:40000)"),
       "[head] listen = \"0.0.0.0:7711\"");
  const NodeProbe taken = failing(State::failed, "cannot listen on 0.0.0.0:7711: in use");
  CHECK(contains(the(check_nodes(ring, &*model.file, {taken}, nullptr), "head").remedy,
                 "change [head] listen"));
  NodeProbe other = answering(*model.file);
  other.report.model_hash = std::string(64, 'a');
  told(other, "copy " + model.path);
  other = answering(*model.file);
  other.report.part = {0, 4};
  told(other, "quantring-weights shard");
  other = answering(*model.file);
  other.report.free_bytes = 1000;
  told(other, "fewer blocks");
}

TEST_CASE("nodes: what only the ring reaches is no problem, and one broken node is one") {
  const TinyModel model;
  const RingConfig ring = ring_of(2);
  NodeProbe hidden = failing(State::unreachable, "cannot connect to it: no route to host");
  WholeRingProbe whole;
  whole.nodes.assign(2, answering(*model.file).report);
  auto found = check_nodes(ring, &*model.file, {answering(*model.file), hidden}, &whole);
  CHECK(count(found, Severity::problem) == 0);
  CHECK(count(found, Severity::note) == 1);

  whole.error = "cannot connect to stage 1 (10.0.0.2:7710): connection refused";
  found = check_nodes(ring, &*model.file, {answering(*model.file), hidden}, &whole);
  CHECK(count(found, Severity::problem) == 1);
  CHECK(the(found, "ring").severity == Severity::note);

  // In the middle of a ring nobody has to reach the head.
  NodeProbe middle = failing(State::no_way_back, "cannot connect to the head (10.0.0.9:40000)");
  found = check_nodes(ring, &*model.file, {middle, answering(*model.file)}, nullptr);
  CHECK(count(found, Severity::problem) == 0);

  // Every node is well, and the last cannot come back to where the ring file says.
  RingConfig listening = ring_of(2);
  listening.listen = "0.0.0.0:7799";
  whole.error = "cannot connect to the head (10.0.0.9:7799): no answer within 5 s";
  found = check_nodes(listening, &*model.file, {answering(*model.file), answering(*model.file)},
                      &whole);
  CHECK(the(found, "ring").severity == Severity::problem);
  CHECK(contains(the(found, "ring").remedy, "ufw allow 7799/tcp"));
}

TEST_CASE("nodes without a model at the head: they must agree among themselves") {
  const TinyModel model;
  NodeProbe a = answering(*model.file), b = a;
  CHECK(count(check_nodes(ring_of(2), nullptr, {a, b}, nullptr), Severity::problem) == 0);
  b.report.model_hash = std::string(64, 'b');
  CHECK(count(check_nodes(ring_of(2), nullptr, {a, b}, nullptr), Severity::problem) == 1);
}

TEST_CASE("blocks that do not fit the model are told once") {
  const TinyModel model;
  RingConfig ring = ring_of(1);
  ring.stages[0].range = StageRange{0, 4};
  const auto found = check_nodes(ring, &*model.file, {answering(*model.file)}, nullptr);
  CHECK(found[0].severity == Severity::problem);
  CHECK(contains(found[0].found, "the stages end at block"));
}

TEST_CASE("links: names, measured, at least, slow, long and silent") {
  WholeRingProbe whole;
  whole.links = {{net::Capacity::measured, 9.56e7, 0.0012},
                 {net::Capacity::at_least, 3e9, 0.00002},
                 {net::Capacity::measured, 0.5e6, 0.02},
                 {net::Capacity::measured, 2e7, 0.18},
                 {net::Capacity::unknown, 0, 0}};
  const auto found = check_links(ring_of(4), whole);
  CHECK(the(found, "head -> stage 0").found ==
        "95.6 Mbit/s of data (100.0 Mbit/s on the cable), round trip 1.20 ms");
  CHECK(contains(the(found, "stage 0 -> stage 1").found, "at least 3000 Mbit/s of data"));
  CHECK(contains(the(found, "stage 0 -> stage 1").found, "round trip 0.020 ms"));
  CHECK(the(found, "stage 1 -> stage 2").severity == Severity::warning);
  CHECK(the(found, "stage 2 -> stage 3").severity == Severity::note);
  CHECK(the(found, "stage 3 -> head").severity == Severity::warning);
  RingConfig paced = ring_of(4);
  paced.link_mbps = 96;
  CHECK(contains(the(check_links(paced, whole), "head -> stage 0").found,
                 "held to 96 Mbit/s by the ring file"));
}

TEST_CASE("a model file: whole, damaged and none") {
  const TinyModel model;
  std::optional<ModelFile> opened;
  auto found = check_model(model.path, opened);
  REQUIRE(opened);
  CHECK(count(found, Severity::problem) == 0);
  CHECK(contains(the(found, "file").found, opened->hash().substr(0, 16)));
  CHECK(contains(the(found, "architecture").found, "6 blocks, width 32, 2 heads"));
  CHECK(the(found, "labels").severity == Severity::note);

  std::string bytes = file_text(model.path);
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  const auto damaged = model.folder / "damaged.safetensors";
  std::ofstream(damaged, std::ios::binary) << bytes;
  found = check_model(damaged.string(), opened);
  CHECK(count(found, Severity::problem) == 1);
  CHECK(contains(the(found, "tensors").remedy, "copy it again"));

  std::optional<ModelFile> none;
  found = check_model((model.folder / "no.safetensors").string(), none);
  CHECK(!none);
  CHECK(count(found, Severity::problem) == 1);
  CHECK(contains(found[0].found, "no.safetensors"));
}

TEST_CASE("the weights of a stage in bytes are those of its tensors in f32") {
  const TinyModel model;
  std::uint64_t stored = 0;
  for (const auto& [name, tensor] : model.file->tensors()) stored += tensor.data.size();
  const Architecture& a = model.file->architecture();
  CHECK(weight_bytes(a, {0, a.half_blocks()}) == stored);
  CHECK(weight_bytes(a, {0, 6}) + weight_bytes(a, {6, 12}) == stored);
}
