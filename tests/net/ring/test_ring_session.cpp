// Whole rings of session machines in simulated time: no socket, no thread, no sleep. Every link is
// lost at every step, and the cases that people see have their texts.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "tests/net/ring/simulated_ring.h"
#include "tests/support/sanitized.h"
#include "tests/support/texts.h"

namespace quantring::net {
namespace {

using std::chrono::milliseconds;
using test::contains;

// The app feeds `frames`, takes every result and finishes.
struct Script {
  explicit Script(int stages, std::uint64_t frame_count = 5) : ring(stages), frames(frame_count) {}

  // One step of the ring or of the app; false: nothing can happen without time.
  bool step() {
    const auto possible = ring.steps();
    if (!possible.empty()) {
      ring.take(possible.front());
    } else if (consumed < ring.results.size()) {
      ++consumed;
      ring.consume();
    } else if (ring.submitted < frames && ring.may_submit()) {
      ring.submit(static_cast<std::uint8_t>(10 * ring.submitted));
    } else if (ring.submitted == frames && ring.head->may_submit()) {
      ring.finish();
    } else {
      return false;
    }
    return true;
  }
  void run() {
    while (step()) {
    }
  }

  SimRing ring;
  std::uint64_t frames, consumed = 0;
};

void check_sound(SimRing& ring) {
  CHECK(ring.violations.empty());
  CHECK(ring.unfinished() == "");
  for (std::size_t i = 0; i < ring.results.size(); ++i) {
    CHECK(ring.results[i].request_id == i);
    const auto expected = static_cast<std::byte>(10 * i + ring.nodes.size());
    CHECK(ring.results[i].payload == std::vector<std::byte>(3, expected));
  }
}

TEST_CASE("simulated ring: rings of 1 to 4 stages answer every frame in order and end") {
  for (int stages = 1; stages <= 4; ++stages) {
    CAPTURE(stages);
    Script script(stages);
    SimRing& ring = script.ring;
    ring.begin();
    script.run();
    CHECK(ring.ready == 1);
    CHECK(ring.results.size() == 5);
    CHECK(ring.results_ended == 1);
    CHECK(ring.done == 1);
    check_sound(ring);
    REQUIRE(ring.head->stages().size() == static_cast<std::size_t>(stages));
    for (int i = 0; i < stages; ++i) {
      const StageStats& stats = ring.head->stages()[static_cast<std::size_t>(i)];
      CHECK(stats.stage == i);
      CHECK(stats.version == "1");
      CHECK(stats.output.frames == 5);
      const SimNode& node = *ring.nodes[static_cast<std::size_t>(i)];
      CHECK(contains(node.log, fmt::format("stage {} of {}", i, stages)));
      CHECK(contains(node.log, "session ended: 5 images"));
    }
  }
}

TEST_CASE("simulated ring: random orders of what can happen give the same answers") {
  for (unsigned seed = 0; seed < (sanitized ? 50 : 300); ++seed) {
    CAPTURE(seed);
    std::minstd_rand random(seed + 1);
    Script script(1 + static_cast<int>(seed % 4), 8);
    SimRing& ring = script.ring;
    ring.begin();
    for (bool busy = true; busy;) {
      const auto possible = ring.steps();
      const bool app = possible.empty() || random() % 4 == 0;
      if (app && ring.submitted < script.frames && ring.may_submit()) {
        ring.submit(static_cast<std::uint8_t>(10 * ring.submitted));
      } else if (!possible.empty()) {
        ring.take(possible[random() % possible.size()]);
      } else {
        busy = script.step();
      }
    }
    CHECK(ring.done == 1);
    CHECK(ring.results.size() == 8);
    check_sound(ring);
  }
}

TEST_CASE("simulated ring: any link lost at any step ends everything, and a neighbour is named") {
  int lost = 0;
  for (int stages = 1; stages <= (sanitized ? 2 : 4); ++stages) {
    for (const bool silent : {false, true}) {
      bool ran_out = false;
      for (int at = 0; !ran_out; ++at) {
        // The number of links grows with the steps: begin with as many as a ring may have.
        for (std::size_t victim = 0; victim < static_cast<std::size_t>(stages) + 1; ++victim) {
          CAPTURE(stages);
          CAPTURE(silent);
          CAPTURE(at);
          CAPTURE(victim);
          Script script(stages, 3);
          SimRing& ring = script.ring;
          ring.begin();
          int steps = 0;
          while (steps < at && script.step()) ++steps;
          ran_out = steps < at;
          if (2 * victim >= ring.ends.size()) continue;
          SimEnd& end = *ring.ends[2 * victim];
          const std::string peers[] = {end.link.peer(), end.peer->link.peer()};
          ring.lose(end, silent);
          ++lost;
          script.run();
          for (int i = 0; i < 90 && !ring.unfinished().empty(); ++i) ring.pass(milliseconds(100));
          check_sound(ring);
          if (ring.errors.empty()) continue;
          const std::string& error = ring.errors.front();
          CAPTURE(error);
          CHECK((contains(error, peers[0]) || contains(error, peers[1])));
          CHECK((contains(error, "was lost: ") || contains(error, "no hello within 5 s") ||
                 contains(error, "before its hello")));
        }
      }
    }
  }
  CHECK(lost > (sanitized ? 500 : 1000));
}

TEST_CASE("simulated ring: each error names the stage, its address and the cause") {
  const auto error_with = [](int stages, auto prepare, auto disturb) {
    Script script(stages);
    prepare(script.ring);
    script.ring.begin();
    script.run();
    disturb(script.ring);
    script.run();
    script.ring.pass(milliseconds(10000));
    CHECK(script.ring.violations.empty());
    CHECK(script.ring.unfinished() == "");
    REQUIRE(script.ring.errors.size() == 1);
    return script.ring.errors[0];
  };
  const auto nothing = [](SimRing&) {};

  for (std::size_t bad = 0; bad < 3; ++bad) {
    const std::string name = fmt::format("stage {} (node{}:1)", bad, bad);
    // The first thing that it does is to load.
    CHECK(error_with(
              3, [&](SimRing& ring) { ring.nodes[bad]->compute_error = "no such model"; },
              nothing) == name + ": no such model");
  }
  CHECK(error_with(
            2, [](SimRing& ring) { ring.nodes[1]->address = "moved:1"; }, nothing) ==
        "cannot connect to stage 1 (node1:1): connection refused; is `quantring node` running "
        "there, and can stage 0 (node0:1) reach it?");
  CHECK(error_with(
            1, [](SimRing& ring) { ring.nodes[0]->address = "moved:1"; }, nothing) ==
        "cannot connect to stage 0 (node0:1): connection refused; is `quantring node` running "
        "there?");
  CHECK(error_with(
            2, [](SimRing& ring) { ring.nodes[1]->mute = true; }, nothing) ==
        "stage 1 (node1:1) sent no hello within 5 s: is this a QuantRing port?");
  CHECK(error_with(
            2, [](SimRing& ring) { ring.refuse_return_port = true; }, nothing) ==
        "cannot listen on head:9");
  CHECK(error_with(
            2, [](SimRing& ring) { ring.nodes[1]->loads = true; },
            [](SimRing& ring) { ring.pass(std::chrono::seconds(181)); }) ==
        "the ring was not ready within 180 s: a stage is still loading, see its log");
  CHECK(error_with(
            2, [](SimRing& ring) { ring.nodes[1]->loads = true; },
            [](SimRing& ring) { ring.stop_node(*ring.nodes[1]); }) ==
        "stage 1 (node1:1) was stopped");
}

TEST_CASE("simulated ring: a compute error, a stop and a head that leaves, under way") {
  for (int stages = 1; stages <= 3; ++stages) {
    for (int at = 0; at < 60; ++at) {
      for (int kind = 0; kind < 3; ++kind) {
        CAPTURE(stages);
        CAPTURE(at);
        CAPTURE(kind);
        Script script(stages);
        SimRing& ring = script.ring;
        ring.begin();
        for (int i = 0; i < at && script.step(); ++i) {
        }
        SimNode& last = *ring.nodes.back();
        if (kind == 0) last.compute_error = "frame 3 cannot be read";
        if (kind == 1) ring.stop_node(last);
        if (kind == 2) ring.fail("the session was stopped");
        script.run();
        check_sound(ring);
        if (ring.errors.empty()) continue;
        const std::string name = fmt::format("stage {} ({})", stages - 1, last.address);
        // Before it has the plan, a node does not know its address as the head writes it.
        const std::string early = fmt::format("stage {} (a node at {})", stages - 1, last.address);
        const std::string expected[] = {name + ": frame 3 cannot be read", name + " was stopped",
                                        "the session was stopped"};
        CHECK((ring.errors[0] == expected[kind] || ring.errors[0] == early + " was stopped"));
        if (!ring.ready || ring.results_ended) continue;
        for (const auto& node : ring.nodes) {
          CHECK(contains(node->log, "session ended: " + expected[kind]));
        }
      }
    }
  }
}

TEST_CASE("simulated ring: a node serves one session at a time") {
  Script script(1);
  SimRing& ring = script.ring;
  ring.begin();
  script.step();  // the head's hello
  SimEnd* second = ring.intruder_at(0);
  script.run();
  CHECK(contains(ring.nodes[0]->log, "session ended: 5 images"));
  CHECK(second->error ==
        "the port: busy with a session of 10.0.0.1; try again when that has ended");
  check_sound(ring);
}

TEST_CASE("simulated ring: when the head has its goodbye, every node is free") {
  for (int stages = 1; stages <= 4; ++stages) {
    for (const bool compute_last : {false, true}) {
      CAPTURE(stages);
      Script script(stages);
      SimRing& ring = script.ring;
      ring.begin();
      while (ring.done == 0) {
        auto possible = ring.steps();
        if (compute_last)
          std::stable_partition(possible.begin(), possible.end(),
                                [](const SimRing::Step& step) { return step.end != nullptr; });
        if (possible.empty()) REQUIRE(script.step());
        if (!possible.empty()) ring.take(possible.front());
      }
      for (const auto& node : ring.nodes) {
        CHECK(node->compute.exited);
        CHECK((!node->session || node->session->released()));
      }
      script.run();
      check_sound(ring);
    }
  }
}

TEST_CASE("simulated ring: a lost head frees the node at once, whatever its compute still does") {
  Script script(1);
  SimRing& ring = script.ring;
  ring.begin();
  while (!ring.ready) script.step();
  ring.submit(0);
  while (ring.nodes[0]->compute.input.empty()) script.step();
  REQUIRE(NodeSession::refusal({}, &*ring.nodes[0]->session) != "");
  ring.lose(*ring.head_end(HeadSession::stage0_link), false);
  // The compute has not stepped: the next head is accepted all the same, and waits for it.
  REQUIRE_FALSE(ring.nodes[0]->compute.exited);
  SimEnd* next = ring.intruder_at(0);
  while (!next->link.open()) ring.take(ring.steps().front());
  CHECK(next->error == "");
}

TEST_CASE(
    "simulated ring: connections that are not of the session are refused at the return port") {
  Script script(1);
  SimRing& ring = script.ring;
  ring.nodes[0]->loads = true;
  ring.begin();
  script.run();
  REQUIRE(ring.port_open);
  std::vector<SimEnd*> intruders;
  for (std::size_t i = 0; i < max_pending_connections + 3; ++i) {
    intruders.push_back(ring.intruder_at(head_index));
  }
  CHECK(std::count_if(intruders.begin(), intruders.end(),
                      [](const SimEnd* end) { return end->link.closed(); }) == 3);
  FrameHeader header;
  header.kind = FrameKind::hello;
  Hello hello;
  hello.version = "1";
  hello.session = 42;
  hello.role = Role::stage;
  ring.arrive(*intruders[0]->peer, text_frame(header, hello_json(hello)));  // a second last stage
  CHECK(intruders[0]->peer->error == "this port waits for the last stage of another session");
  ring.nodes[0]->loads = false;
  script.run();
  CHECK(ring.done == 1);
  check_sound(ring);
}

TEST_CASE("simulated ring: an instruction reaches every stage before the frame behind it") {
  Script script(3);
  SimRing& ring = script.ring;
  ring.head->instruct("too early");
  ring.begin();
  while (!ring.may_submit()) script.step();
  ring.head->instruct("a");
  ring.submit(0);
  while (ring.results.empty()) {
    script.step();
    for (const auto& node : ring.nodes) {
      if (!node->compute.input.empty()) CHECK(node->compute.instructions.size() == 1);
    }
  }
  for (const auto& node : ring.nodes) {
    CHECK(node->compute.instructions == std::vector<std::string>{"a"});
  }
  script.run();
  check_sound(ring);
}

TEST_CASE("simulated ring: counters of every stage reach the head twice a second") {
  Script script(3, 0);
  SimRing& ring = script.ring;
  ring.begin();
  while (!ring.ready) script.step();
  ring.run();
  CHECK(ring.head->stages()[2].version.empty());
  ring.pass(milliseconds(600));
  for (const StageStats& stats : ring.head->stages()) CHECK(stats.version == "1");
  script.run();
  check_sound(ring);
}

}  // namespace
}  // namespace quantring::net
