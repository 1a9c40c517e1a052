// Findings about the nodes of a ring: every kind of problem, and its remedy.

#include <doctest/doctest.h>

#include "apps/doctor/checks.h"
#include "tests/apps/commands/programs.h"
#include "tests/apps/doctor/doctor_fixture.h"

using namespace quantring;
using namespace quantring::apps;
using namespace quantring::test;
using State = NodeProbe::State;

namespace {

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

}  // namespace

TEST_CASE("nodes: no problems") {
  const TinyModel model;
  const RingConfig ring = ring_of(2);
  const std::vector<NodeProbe> nodes(2, answering(*model.file));
  WholeRingProbe whole;
  whole.round_s = 0.003;
  const auto found = check_nodes(ring, &*model.file, nodes, &whole);
  CHECK(count(found, Severity::ok) == static_cast<int>(found.size()));
  CHECK(contains(found[0].found, "orin, version 1, round trip 1.20 ms"));
  CHECK(contains(found[1].found, "blocks 0-3"));
  CHECK(contains(the(found, "ring").found, "works; a tiny frame takes 3.00 ms"));
}

TEST_CASE("nodes: every problem has its remedy") {
  const TinyModel model;
  const RingConfig ring = ring_of(1);
  const std::string subject = "stage 0 (10.0.0.1:7710)";
  const auto check_remedy = [&](const NodeProbe& node, const std::string& remedy) {
    const auto found = check_nodes(ring, &*model.file, {node}, nullptr);
    CAPTURE(found.front().found);
    CHECK(count(found, Severity::problem) == 1);
    CHECK(contains(found[found.size() - 2].remedy, remedy));
    CHECK(found[found.size() - 2].subject == subject);
    CHECK(the(found, "ring").severity == Severity::note);
  };
  check_remedy(failing(State::unreachable, "cannot connect to it: connection refused"),
               "quantring node --model FILE --listen 0.0.0.0:7710");
  check_remedy(failing(State::unreachable, "cannot connect to it: no answer within 5 s"),
               "ufw allow 7710/tcp");
  check_remedy(failing(State::unreachable, "cannot resolve 'x'"), "check the name");
  check_remedy(failing(State::busy, "busy with a session of 10.0.0.9"), "stop that session");
  check_remedy(failing(State::other_version, "this is version 2"), "same package");
  check_remedy(failing(State::failed, "something"), "journalctl");
  check_remedy(failing(State::no_way_back, "cannot connect to the head (10.0.0.9:40000)"),
               "[head] listen = \"0.0.0.0:7711\"");
  const NodeProbe taken = failing(State::failed, "cannot listen on 0.0.0.0:7711: in use");
  CHECK(contains(the(check_nodes(ring, &*model.file, {taken}, nullptr), "head").remedy,
                 "change [head] listen"));
  NodeProbe other = answering(*model.file);
  other.report.model_hash = std::string(64, 'a');
  check_remedy(other, "copy " + model.path);
  other = answering(*model.file);
  other.report.part = {0, 4};
  check_remedy(other, "quantring-weights shard");
  other = answering(*model.file);
  other.report.free_bytes = 1000;
  check_remedy(other, "fewer blocks");
}

TEST_CASE("nodes: one that only the ring reaches is not a problem, a broken one is") {
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

  // Stages in the middle need not reach the head.
  NodeProbe middle = failing(State::no_way_back, "cannot connect to the head (10.0.0.9:40000)");
  found = check_nodes(ring, &*model.file, {middle, answering(*model.file)}, nullptr);
  CHECK(count(found, Severity::problem) == 0);

  // All nodes work, but the last cannot connect to the address of the ring file.
  RingConfig listening = ring_of(2);
  listening.listen = "0.0.0.0:7799";
  whole.error = "cannot connect to the head (10.0.0.9:7799): no answer within 5 s";
  found = check_nodes(listening, &*model.file, {answering(*model.file), answering(*model.file)},
                      &whole);
  CHECK(the(found, "ring").severity == Severity::problem);
  CHECK(contains(the(found, "ring").remedy, "ufw allow 7799/tcp"));
}

TEST_CASE("nodes, without a model at the head, must have the same model") {
  const TinyModel model;
  NodeProbe a = answering(*model.file), b = a;
  CHECK(count(check_nodes(ring_of(2), nullptr, {a, b}, nullptr), Severity::problem) == 0);
  b.report.model_hash = std::string(64, 'b');
  CHECK(count(check_nodes(ring_of(2), nullptr, {a, b}, nullptr), Severity::problem) == 1);
}

TEST_CASE("blocks that do not fit the model are reported once") {
  const TinyModel model;
  RingConfig ring = ring_of(1);
  ring.stages[0].range = StageRange{0, 4};
  const auto found = check_nodes(ring, &*model.file, {answering(*model.file)}, nullptr);
  CHECK(found[0].severity == Severity::problem);
  CHECK(contains(found[0].found, "the stages end at block"));
}

TEST_CASE("links: names, measured, lower bounds, slow, long round trip, unknown") {
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
                 "paced to 96 Mbit/s by the ring file"));
}
