// Random orders of events in a simulated ring of one to three stages: frames of the real peers and
// forged ones (with plans, hellos and other JSON of the fuzzer's), lost links, failing computes,
// connections that belong to no ring, and whatever the app may call.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "tests/fuzz/fuzz_input.h"
#include "tests/net/ring/simulated_ring.h"

namespace {

using namespace quantring::net;

class Fuzz {
 public:
  Fuzz(const std::uint8_t* data, std::size_t size)
      : input_(data, size), ring_(1 + byte() % 3, 1 + byte() % 3) {}

  void run() {
    ring_.begin();
    for (int steps = 0; !input_.empty() && steps < 600; ++steps) {
      step();
      check();
    }
    // Whatever has happened: when every link is lost, all must end.
    for (std::size_t i = 0; i < ring_.ends.size(); ++i) ring_.lose(*ring_.ends[i], false);
    ring_.run();
    check();
    if (!ring_.unfinished().empty()) std::abort();
  }

 private:
  std::uint8_t byte() { return input_.take<std::uint8_t>(); }
  SimEnd& some_end() { return *ring_.ends[byte() % ring_.ends.size()]; }
  SimNode& some_node() { return *ring_.nodes[byte() % ring_.nodes.size()]; }

  void check() const {
    if (!ring_.violations.empty()) std::abort();
    if (ring_.results.size() > ring_.submitted) std::abort();
    if (ring_.done && ring_.results.size() != ring_.submitted) std::abort();
    if (!ring_.errors.empty() && ring_.errors.front().empty()) std::abort();
  }

  void step() {
    const std::uint8_t what = byte();
    if (what >= 96) {  // mostly what would happen anyway
      const auto possible = ring_.steps();
      if (!possible.empty()) ring_.take(possible[what % possible.size()]);
      return;
    }
    switch (what % 16) {
      case 0:
      case 1:
        if (ring_.may_submit()) ring_.submit(byte());
        return;
      case 2:
        return ring_.consume();
      case 3:
        return ring_.finish();
      case 4:
        ring_.head->instruct(text());
        return ring_.settle();
      case 5:
        return ring_.pass(std::chrono::milliseconds(100 * (byte() % 64)));
      case 6:
        return ring_.lose(some_end(), byte() % 2 == 0);
      case 7:
        some_node().compute_error = "the compute fails";
        return;
      case 8: {
        SimNode& node = some_node();
        node.loads = !node.loads;
        return;
      }
      case 9:
        return ring_.stop_node(some_node());
      case 10:
        return ring_.fail("the session was stopped");
      case 11:
        if (ring_.ends.size() < 32) {
          ring_.intruder_at(static_cast<int>(byte() % (ring_.nodes.size() + 1)) - 1);
        }
        return;
      case 12:
        ring_.refuse_return_port = true;
        return;
      default:
        return ring_.arrive(some_end(), forged_frame());
    }
  }

  std::string text() {
    std::string text(byte() % 64, '\0');
    for (char& c : text) c = static_cast<char>(byte());
    return text;
  }

  // Fields of the fuzzer's; the payload is often one that would be right.
  Frame forged_frame() {
    FrameHeader header;
    header.kind = static_cast<FrameKind>(1 + byte() % 7);
    header.control = byte() % 8;
    header.epoch = byte() % 8 ? 1 : byte();
    header.request_id = byte() % 8;
    header.images = byte();
    return text_frame(header, byte() % 4 ? likely_payload(header) : text());
  }

  std::string likely_payload(const FrameHeader& header) {
    if (header.kind == FrameKind::hello) {
      Hello hello;
      hello.version = "1";
      hello.session = byte() % 8 ? 42 : byte();
      hello.role = static_cast<Role>(byte() % 3);
      hello.stage = byte() % 4;
      return hello_json(hello);
    }
    if (header.kind != FrameKind::control) return {};
    StageStats stats;
    stats.stage = byte() % 4;
    switch (static_cast<ControlType>(header.control)) {
      case ControlType::plan:
        return plan_json(some_plan());
      case ControlType::stats:
        return stage_stats_json(stats);
      case ControlType::bye:
        return bye_json(std::vector<StageStats>(byte() % 4, stats));
      default:
        return {};
    }
  }

  Plan some_plan() {
    Plan plan;
    plan.session = byte() % 8 ? 42 : byte();
    plan.epoch = byte() % 8 ? 1 : byte();
    plan.stages.resize(1 + byte() % 3);
    for (PlanStage& stage : plan.stages) {
      stage.address = "node" + std::to_string(byte() % 4) + ":1";
      stage.work = byte() % 4 ? "work" : text();
    }
    plan.stage = static_cast<int>(byte() % plan.stages.size());
    plan.return_address = byte() % 4 ? "head:9" : "node0:1";
    plan.credits = 1 + byte() % 4u;
    return plan;
  }

  quantring::fuzz::Input input_;
  SimRing ring_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Fuzz(data, size).run();
  return 0;
}
