// Orders of events at one session machine: from every state of an orderly session, every short
// sequence of events that a peer, a link, the compute or the app may cause. The peers' frames come
// from the test, so they need not make sense.
#include <doctest/doctest.h>

#include <functional>

#include "tests/net/ring/simulated_ring.h"
#include "tests/support/sanitized.h"

namespace quantring::net {
namespace {

Frame hello_frame(Role role, int stage = 0) {
  Hello hello;
  hello.version = "1";
  hello.session = 42;
  hello.role = role;
  hello.stage = stage;
  FrameHeader header;
  header.kind = FrameKind::hello;
  return text_frame(header, hello_json(hello));
}

Frame control_frame(ControlType type, const std::string& json = {}, std::uint64_t id = 0) {
  FrameHeader header;
  header.kind = FrameKind::control;
  header.control = static_cast<std::uint8_t>(type);
  header.epoch = 1;
  header.request_id = id;
  return text_frame(header, json);
}

Frame data_frame(FrameKind kind, std::uint64_t id) {
  Message message;
  message.images = 1;
  message.request_id = id;
  return message_frame(kind, 1, std::move(message));
}

Frame credit_frame() {
  FrameHeader header;
  header.kind = FrameKind::credit;
  header.request_id = 1;
  return make_frame(header, {});
}

Frame error_frame(const std::string& text) {
  FrameHeader header;
  header.kind = FrameKind::error;
  return text_frame(header, text);
}

struct Event {
  const char* name;
  std::function<void()> happen;
};

// A ring in which only one machine is real.
struct Puppets {
  explicit Puppets(int stages) : ring(stages) {}
  virtual ~Puppets() = default;

  void lose(SimEnd* end) {
    if (end) ring.lose(*end, false);
  }
  void arrive(SimEnd* at, Frame&& frame) {
    if (at) ring.arrive(*at, std::move(frame));
  }
  // Whatever has happened: when every link is lost, all must end.
  void end_all() {
    for (std::size_t i = 0; i < ring.ends.size(); ++i) ring.lose(*ring.ends[i], false);
    ring.run();
  }

  SimRing ring;
  std::vector<Event> events;
  std::size_t orderly = 0;  // the first so many events are an orderly session
};

struct HeadPuppets final : Puppets {
  HeadPuppets() : Puppets(1) {
    ring.nodes[0]->mute = true;
    ring.begin();
    orderly = 9;
    events = {
        {"hello of stage 0", [this] { arrive(first(), hello_frame(Role::node)); }},
        {"hello of the last stage",
         [this] {
           if (!ring.port_open) return;
           SimEnd* end = ring.intruder_at(head_index, true);
           arrive(end->peer, hello_frame(Role::stage));
         }},
        {"ready", [this] { arrive(first(), control_frame(ControlType::ready)); }},
        {"credit", [this] { arrive(first(), credit_frame()); }},
        {"submit",
         [this] {
           if (ring.may_submit()) ring.submit(0);
         }},
        {"result", [this] { arrive(back(), data_frame(FrameKind::result, ring.results.size())); }},
        {"finish", [this] { ring.finish(); }},
        {"finish of the last stage",
         [this] { arrive(back(), control_frame(ControlType::finish, {}, ring.results.size())); }},
        {"bye",
         [this] { arrive(first(), control_frame(ControlType::bye, bye_json({StageStats{}}))); }},
        {"bye without a stage",
         [this] { arrive(first(), control_frame(ControlType::bye, bye_json({}))); }},
        {"error of stage 0", [this] { arrive(first(), error_frame("stage 0 (node0:1): why")); }},
        {"error without a text", [this] { arrive(first(), error_frame("")); }},
        {"loss of stage 0", [this] { lose(first()); }},
        {"loss of the last stage", [this] { lose(back()); }},
        {"statistics",
         [this] {
           arrive(first(), control_frame(ControlType::stats, stage_stats_json(StageStats{})));
         }},
        {"statistics of a stage that is not there",
         [this] {
           StageStats stats;
           stats.stage = 1;
           arrive(first(), control_frame(ControlType::stats, stage_stats_json(stats)));
         }},
        {"stop", [this] { ring.fail("the session was stopped"); }},
    };
  }
  SimEnd* first() { return ring.head_end(HeadSession::stage0_link); }
  SimEnd* back() {
    const auto link = ring.head->return_link();
    return link ? ring.head_end(*link) : nullptr;
  }
};

// Stage 0 of two, or the last of two, whose successor is the head.
struct NodePuppets final : Puppets {
  explicit NodePuppets(bool last_stage) : Puppets(2), last(last_stage) {
    ring.nodes[0]->mute = ring.nodes[1]->mute = true;
    ring.nodes[own()]->mute = false;
    SimEnd* end = ring.intruder_at(static_cast<int>(own()), true);
    up = end->peer;
    arrive(up, hello_frame(last ? Role::stage : Role::head));
    Plan plan;
    plan.session = 42;
    plan.stage = last ? 1 : 0;
    plan.stages = {{"node0:1", "work"}, {"node1:1", "work"}};
    plan.return_address = "node0:1";  // mute, as the head that is asked for
    const std::string good = plan_json(plan);
    ++plan.session;
    const std::string other = plan_json(plan);
    orderly = 10;
    events = {
        {"plan", [this, good] { arrive(up, control_frame(ControlType::plan, good)); }},
        {"hello from downstream",
         [this] { arrive(node().downstream, hello_frame(last ? Role::head : Role::node)); }},
        {"compute is ready",
         [this] {
           node().loads = false;
           compute();
         }},
        {"ready", [this] { arrive(node().downstream, control_frame(ControlType::ready)); }},
        {"credit", [this] { arrive(node().downstream, credit_frame()); }},
        {"frame", [this] { arrive(up, data_frame(FrameKind::tensor, up->link.stats().frames)); }},
        {"compute", [this] { compute(); }},
        {"finish",
         [this] { arrive(up, control_frame(ControlType::finish, {}, up->link.stats().frames)); }},
        {"compute and exit", [this] { compute(); }},
        {"bye",
         [this] { arrive(node().downstream, control_frame(ControlType::bye, bye_json({}))); }},
        {"bye that cannot be read",
         [this] { arrive(node().downstream, control_frame(ControlType::bye, "{")); }},
        {"plan of another session",
         [this, other] { arrive(up, control_frame(ControlType::plan, other)); }},
        {"plan that cannot be read", [this] { arrive(up, control_frame(ControlType::plan, "{")); }},
        {"instruction", [this] { arrive(up, control_frame(ControlType::instruct, "i")); }},
        {"statistics",
         [this] { arrive(node().downstream, control_frame(ControlType::stats, "{}")); }},
        {"error from upstream", [this] { arrive(up, error_frame("the head ended")); }},
        {"error without a text", [this] { arrive(up, error_frame("")); }},
        {"error from downstream", [this] { arrive(node().downstream, error_frame("bad")); }},
        {"loss of upstream", [this] { lose(up); }},
        {"loss of downstream", [this] { lose(node().downstream); }},
        {"compute fails",
         [this] {
           node().compute_error = "frame 0";
           compute();
         }},
        {"stop", [this] { ring.stop_node(node()); }},
        {"six seconds",
         [this] {
           for (int i = 0; i < 60; ++i) {
             arrive(up, make_frame(FrameHeader{}, {}));
             ring.pass(tick_every);
           }
         }},
    };
    node().loads = true;
  }
  std::size_t own() const { return last ? 1 : 0; }
  SimNode& node() { return *ring.nodes[own()]; }
  void compute() {
    for (const SimRing::Step& step : ring.steps()) {
      if (step.node == &node()) return ring.take(step);
    }
  }
  bool last;
  SimEnd* up = nullptr;
};

// After each number of orderly events, every sequence of `length` events. `check` is called when a
// sequence has been gone through and every link was lost after it.
template <typename World, typename Make, typename Check>
int try_orders(std::size_t length, Make make, Check check) {
  const std::size_t orderly = make()->orderly, count = make()->events.size();
  std::size_t codes = 1;
  for (std::size_t i = 0; i < length; ++i) codes *= count;
  int runs = 0;
  for (std::size_t prefix = 0; prefix <= orderly; ++prefix) {
    for (std::size_t code = 0; code < codes; ++code) {
      std::unique_ptr<World> world = make();
      for (std::size_t i = 0; i < prefix; ++i) world->events[i].happen();
      std::string order;
      for (std::size_t i = 0, left = code; i < length; ++i, left /= count) {
        const Event& event = world->events[left % count];
        order += order.empty() ? event.name : std::string(", ") + event.name;
        event.happen();
      }
      world->end_all();
      ++runs;
      const std::string wrong = check(*world);
      if (wrong.empty()) continue;
      FAIL_CHECK(wrong << ": after " << prefix << " orderly events, then " << order);
      return runs;
    }
  }
  return runs;
}

std::string check_head(HeadPuppets& world) {
  SimRing& ring = world.ring;
  if (!ring.violations.empty()) return ring.violations[0];
  if (ring.results.size() > ring.submitted) return "more results than frames";
  if (ring.ready > 1 || ring.results_ended > 1) return "reported twice";
  if (ring.done && (!ring.results_ended || ring.results.size() != ring.submitted)) {
    return "done without every result";
  }
  if (!ring.errors.empty() && ring.errors[0].empty()) return "an error without a text";
  return ring.unfinished();
}

std::string check_node(NodePuppets& world) {
  if (!world.ring.violations.empty()) return world.ring.violations[0];
  if (world.node().session) return "the session is not over";
  const std::string& log = world.node().log;
  const auto end = log.find("session ended: ");
  if (end == std::string::npos || log.find("session ended: ", end + 1) != std::string::npos) {
    return "the log has not one end: " + log;
  }
  if (log.find("\n", end) + 1 != log.size()) return "a line after the end: " + log;
  for (const auto& each : world.ring.ends) {
    if (!each->link.closed()) return "a link is open";
  }
  return {};
}

TEST_CASE("session orders: the orderly order of the head's events is a whole session") {
  HeadPuppets world;
  for (std::size_t i = 0; i < world.orderly; ++i) world.events[i].happen();
  CHECK(world.ring.done == 1);
  CHECK(world.ring.results.size() == 1);
  CHECK(world.ring.errors.empty());
}

TEST_CASE("session orders: the orderly order of a node's events is a whole session") {
  for (const bool last : {false, true}) {
    NodePuppets world(last);
    for (std::size_t i = 0; i < world.orderly; ++i) world.events[i].happen();
    world.ring.run();
    CHECK(world.node().log.find("session ended: 1 images") != std::string::npos);
  }
}

TEST_CASE("session orders: the head ends once, with every link closed, in every order") {
  const int runs = try_orders<HeadPuppets>(
      sanitized ? 2 : 3, [] { return std::make_unique<HeadPuppets>(); }, check_head);
  CHECK(runs == 10 * 17 * 17 * (sanitized ? 1 : 17));
}

TEST_CASE("session orders: a node ends once, with both links closed, in every order") {
  for (const bool last : {false, true}) {
    const int runs = try_orders<NodePuppets>(
        2, [last] { return std::make_unique<NodePuppets>(last); }, check_node);
    CHECK(runs == 11 * 23 * 23);
  }
}

}  // namespace
}  // namespace quantring::net
