#pragma once
// A whole ring in one thread and in simulated time: the session machines of head and nodes, joined
// by links over wires in memory. A caller decides what happens next, so that any order can be
// tried. No doctest here: a fuzz target uses it too.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/ring/head_session.h"
#include "net/ring/node_session.h"

namespace quantring::net {

// One end of a simulated connection; has the functions of a Connection.
struct SimEnd {
  SimEnd(LinkConfig config, const Time& time, int end_owner)
      : link(std::move(config)), now(time), owner(end_owner) {}

  void accept(const Hello& hello) { link.accept(hello, now); }
  void grant(std::uint32_t frames) { link.grant(frames, now); }
  void control(ControlType type, const std::string& json) { link.control(type, json, now); }
  void instruct(const std::string& json) { link.instruct(json, now); }
  void submit(Message&& message) { link.submit(std::move(message), now); }
  void finish() { link.finish(now); }
  void bye(const std::string& json) { link.bye(json, now); }
  void fail(const std::string& why) { link.fail(why, now); }
  void set_peer(const std::string& name) { link.set_peer(name); }
  void set_epoch(std::uint32_t epoch) { link.set_epoch(epoch); }

  Link link;
  const Time& now;
  int owner;               // head_index, or the index of a node
  LinkId id = 0;           // in the owner's session
  bool pending = false;    // at a node: no session has it yet
  bool mute = false;       // takes everything and never sends
  SimEnd* peer = nullptr;  // nothing: never connected
  std::deque<Frame> wire;  // sent, and not arrived yet
  bool cut = false;        // nothing arrives any more
  std::string error;       // why it closed
  bool eof_seen = false;
};

constexpr int head_index = -1, no_owner = -2;

struct SimCompute {
  bool started = false, ready = false, stopped = false, exited = false, input_closed = false;
  std::deque<Message> input;
  std::optional<Message> output;
  std::vector<std::string> instructions;
};

struct SimNode {
  std::string address, log;
  bool mute = false;          // unresponsive: it accepts connections and never answers
  bool loads = false;         // its compute does not get ready
  std::string compute_error;  // when not empty, the next thing that the compute does is to fail
  std::optional<NodeSession> session;
  int ending = 0;  // computes of released sessions that still have their last frame
  SimEnd *upstream = nullptr, *downstream = nullptr;
  SimCompute compute;
};

class SimRing {
 public:
  explicit SimRing(int stages, std::uint32_t credits = 2) {
    for (int i = 0; i < stages; ++i) {
      auto& node = nodes.emplace_back(std::make_unique<SimNode>());
      node->address = "node" + std::to_string(i) + ":1";
      options.stages.push_back({node->address, "work"});
    }
    options.version = "1";
    options.credits = credits;
    head.emplace(options, 42);
  }

  void begin() {
    head->begin(now);
    settle();
  }

  // What may happen next, apart from time and the app. Each does one thing and all that follows
  // from it at once.
  struct Step {
    SimEnd* end = nullptr;    // its oldest frame, or its end, arrives at the peer
    SimNode* node = nullptr;  // or: its compute does the next thing
  };
  std::vector<Step> steps() {
    std::vector<Step> all;
    for (const auto& end : ends) {
      if (!end->peer || end->cut || end->mute || end->peer->mute) continue;
      if (!end->wire.empty() || (end->link.closed() && !end->eof_seen)) {
        all.push_back({end.get(), nullptr});
      }
    }
    for (const auto& node : nodes) {
      if (compute_may_step(*node)) all.push_back({nullptr, node.get()});
    }
    return all;
  }

  void take(const Step& step) {
    if (step.node) compute_step(*step.node);
    if (step.end) deliver(*step.end);
    settle();
  }

  // All that can happen without time and the app, oldest connection first.
  void run() {
    for (auto next = steps(); !next.empty(); next = steps()) take(next.front());
  }

  void pass(std::chrono::milliseconds span) {
    for (const Time until = now + span; now < until;) {
      now += tick_every;
      for (const auto& end : ends) {
        if (!end->mute) end->link.tick(now);
      }
      settle();
      if (!head->over()) head->tick(now);
      for (auto& node : nodes) {
        if (node->session && !node->upstream->link.closed()) node->session->tick(now);
      }
      settle();
      run();
    }
  }

  bool may_submit() {
    SimEnd* first = head_end(HeadSession::stage0_link);
    return head->may_submit() && first && first->link.may_submit(now);
  }
  void submit(std::uint8_t value) {
    Message message;
    message.images = 1;
    message.request_id = submitted++;
    message.payload.assign(3, static_cast<std::byte>(value));
    head->submit(std::move(message));
    settle();
  }
  void consume() {
    head->consumed(1);
    settle();
  }
  void finish() {
    head->finish();
    settle();
  }
  void fail(const std::string& error) {
    head->fail(error);
    settle();
  }
  void stop_node(SimNode& node) {
    if (node.session) node.session->fail(node.session->own_name() + " was stopped");
    settle();
  }

  // Both ends notice at once (reset), or only by the silence.
  void lose(SimEnd& end, bool silent) {
    for (SimEnd* each : {&end, end.peer}) {
      if (!each) continue;
      each->cut = true;
      each->wire.clear();
      if (!silent) each->link.read_failed("connection reset by peer");
    }
    settle();
  }

  // A connection that belongs to no ring; its own end has no owner.
  SimEnd* intruder_at(int owner, bool mute = false) {
    LinkConfig config;
    config.peer = "the port";
    config.hello.version = "1";
    config.hello.session = 7;
    config.hello.role = Role::head;
    SimEnd* end = add_end(std::move(config), no_owner);
    end->mute = mute;
    end->link.begin(now);
    connect_to(*end, owner);
    settle();
    return end;
  }
  void arrive(SimEnd& at, Frame&& frame) {
    at.link.bytes_arrived(frame_header_bytes + frame.payload.size(), now);
    at.link.frame_arrived(std::move(frame), now);
    settle();
  }

  // Reports what the links have to report and performs what the machines ask for, until there is
  // nothing left.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (std::size_t i = 0; i < ends.size(); ++i) {
        for (Action& action : ends[i]->link.take_actions()) {
          busy = true;
          report(*ends[i], action);
        }
      }
      for (HeadAction& action : head->take_actions()) {
        busy = true;
        if (ended()) violated("an action of the head after its end");
        std::visit([this](auto& each) { perform_head(each); }, action);
      }
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        SimNode& node = *nodes[i];
        if (!node.session) continue;
        for (NodeAction& action : node.session->take_actions()) {
          busy = true;
          if (!node.session) {
            violated("an action of a node after its end");
            break;
          }
          std::visit([&](auto& each) { perform_node(static_cast<int>(i), each); }, action);
        }
        busy = pump(node) || busy;
      }
    }
  }

  SimEnd* head_end(LinkId id) {
    const auto found = head_ends.find(id);
    return found == head_ends.end() ? nullptr : found->second;
  }
  bool ended() const { return done + static_cast<int>(errors.size()) > 0; }
  // Empty: everything is over and closed, as it must be in the end.
  std::string unfinished() const {
    if (done + errors.size() != 1) return "the head's session did not end once";
    if (port_open) return "the return port is open";
    for (const auto& node : nodes) {
      if (node->session || node->ending > 0)
        return "a session of " + node->address + " is not over";
    }
    for (const auto& end : ends) {
      if (!end->mute && !end->link.closed())
        return "the link with " + end->link.peer() + " is not closed";
    }
    return {};
  }

  Time now{};
  HeadOptions options;
  std::optional<HeadSession> head;
  std::map<LinkId, SimEnd*> head_ends;
  std::vector<std::unique_ptr<SimNode>> nodes;
  std::vector<std::unique_ptr<SimEnd>> ends;
  bool refuse_return_port = false;  // the head cannot listen

  // What the head's owner saw, and what should not have been.
  int ready = 0, results_ended = 0, done = 0;
  bool port_open = false;
  std::uint64_t submitted = 0;
  std::vector<Message> results;
  std::vector<std::string> errors, violations;

 private:
  void violated(const std::string& what) { violations.push_back(what); }

  SimEnd* add_end(LinkConfig config, int owner) {
    return ends.emplace_back(std::make_unique<SimEnd>(std::move(config), now, owner)).get();
  }

  void connect_to(SimEnd& from, int owner) {
    std::optional<LinkId> id;
    LinkConfig config;
    if (owner == head_index) {
      if (port_open) id = head->connection_arrived();
      config = head->pending_config("10.0.0.1");
    } else {
      id = NodeSession::upstream_link;
      config = NodeSession::pending_config("1", "10.0.0.1");
    }
    if (!id) return from.link.read_failed("connection refused");
    const bool mute = owner >= 0 && nodes[static_cast<std::size_t>(owner)]->mute;
    if (mute) owner = no_owner;
    SimEnd* to = add_end(std::move(config), owner);
    to->mute = mute;
    to->id = *id;
    to->pending = owner >= 0;
    if (owner == head_index) head_ends[*id] = to;
    from.peer = to;
    to->peer = &from;
    to->link.begin(now);
    to->link.connected(now);
    from.link.connected(now);
  }

  SimEnd* connect(ConnectLink& action, int owner) {
    SimEnd* end = add_end(std::move(action.config), owner);
    end->id = action.link;
    end->link.begin(now);
    const std::string address = address_text(action.address);
    if (address == "head:9") {
      connect_to(*end, head_index);
      return end;
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i]->address == address) {
        connect_to(*end, static_cast<int>(i));
        return end;
      }
    }
    end->link.read_failed("connection refused");
    return end;
  }

  void deliver(SimEnd& from) {
    if (from.wire.empty()) {
      from.eof_seen = true;
      from.peer->link.read_failed("connection closed");
      return;
    }
    Frame frame = std::move(from.wire.front());
    from.wire.pop_front();
    from.link.frame_written(now);
    const HeaderBytes bytes = write_header(frame.header);
    Frame arrived;
    if (!read_header(bytes, arrived.header).empty()) violated("a header that cannot be read");
    arrived.payload = std::move(frame.payload);
    from.peer->link.bytes_arrived(bytes.size() + arrived.payload.size(), now);
    from.peer->link.frame_arrived(std::move(arrived), now);
  }

  static bool compute_may_step(const SimNode& node) {
    const SimCompute& compute = node.compute;
    if (node.ending > 0) return true;
    if (!compute.started || compute.exited) return false;
    if (compute.stopped || !node.compute_error.empty()) return true;
    if (!compute.ready) return !node.loads;
    return !compute.output && (!compute.input.empty() || compute.input_closed);
  }

  void compute_step(SimNode& node) {
    SimCompute& compute = node.compute;
    if (node.ending > 0) {
      --node.ending;
      return;
    }
    if (!compute.stopped && !node.compute_error.empty()) {
      compute.stopped = true;
      return node.session->compute_failed(std::exchange(node.compute_error, {}));
    }
    if (!compute.stopped && !compute.ready) {
      compute.ready = true;
      return node.session->compute_ready();
    }
    if (compute.stopped || compute.input.empty()) {
      compute.exited = true;
      return node.session->compute_exited();
    }
    compute.output = std::move(compute.input.front());
    compute.input.pop_front();
    for (auto& byte : compute.output->payload) {
      byte = static_cast<std::byte>(std::to_integer<int>(byte) + 1);
    }
    node.session->input_taken();
  }

  // As NodeDriver::pump.
  bool pump(SimNode& node) {
    if (!node.session || !node.session->may_output()) return false;
    SimCompute& compute = node.compute;
    if (compute.exited && !compute.output) {
      node.session->output_drained();
      return true;
    }
    if (!compute.output || !node.downstream->link.may_submit(now)) return false;
    node.session->output(*std::exchange(compute.output, std::nullopt));
    return true;
  }

  void report(SimEnd& end, Action& action) {
    if (const auto* closed = std::get_if<Closed>(&action)) end.error = closed->error;
    if (auto* send = std::get_if<SendFrame>(&action)) {
      if (end.peer && !end.cut && !end.mute && !end.peer->mute) {
        end.wire.push_back(std::move(send->frame));
      } else {
        end.link.frame_written(now);
      }
    } else if (end.owner == head_index) {
      report_to(*head, end.id, action);
    } else if (end.owner != no_owner) {
      report_to_node(end, action);
    }
  }

  void report_to_node(SimEnd& end, Action& action) {
    SimNode& node = *nodes[static_cast<std::size_t>(end.owner)];
    if (!end.pending) {
      if (node.session) report_to(*node.session, end.id, action);
      return;
    }
    const auto* hello = std::get_if<net::HelloArrived>(&action);
    if (!hello) return;
    const std::string refusal =
        NodeSession::refusal(hello->hello, node.session ? &*node.session : nullptr);
    if (!refusal.empty()) return end.fail(refusal);
    end.pending = false;
    node.upstream = &end;
    if (node.session && node.compute.started && !node.compute.exited) ++node.ending;
    node.compute = {};
    node.session.emplace(NodeIdentity{node.address, "1"}, hello->hello, "10.0.0.1");
    node.session->begin(now);
  }

  template <typename Session>
  void report_to(Session& session, LinkId id, Action& action) {
    if (auto* hello = std::get_if<net::HelloArrived>(&action)) {
      session.hello_arrived(id, hello->hello);
    }
    if (auto* message = std::get_if<Delivered>(&action)) {
      session.message_arrived(id, std::move(message->message));
    }
    if (auto* control = std::get_if<ControlArrived>(&action)) {
      session.control_arrived(id, control->control);
    }
    if (std::holds_alternative<PeerFinished>(action)) session.peer_finished(id);
    if (auto* closed = std::get_if<Closed>(&action)) session.closed(id, *closed);
  }

  void perform_head(ConnectLink& action) { head_ends[action.link] = connect(action, head_index); }
  void perform_head(LinkAction& action) {
    if (SimEnd* end = head_end(link_of(action))) perform(action, *end);
  }
  void perform_head(OpenReturnPort&) {
    if (refuse_return_port) return head->fail("cannot listen on head:9");
    port_open = true;
    head->return_port_opened({"head", 9});
  }
  void perform_head(CloseReturnPort&) { port_open = false; }
  void perform_head(RingReady&) { ++ready; }
  void perform_head(ResultArrived& action) {
    if (results.size() >= submitted) violated("a result without a frame");
    results.push_back(std::move(action.message));
  }
  void perform_head(ResultsEnded&) { ++results_ended; }
  void perform_head(CountsChanged&) {}
  void perform_head(SessionDone&) { ++done; }
  void perform_head(SessionFailed& action) { errors.push_back(action.error); }

  void perform_node(int index, ConnectLink& action) {
    nodes[static_cast<std::size_t>(index)]->downstream = connect(action, index);
  }
  void perform_node(int index, LinkAction& action) {
    SimNode& node = *nodes[static_cast<std::size_t>(index)];
    const bool up = link_of(action) == NodeSession::upstream_link;
    perform(action, up ? *node.upstream : *node.downstream);
  }
  void perform_node(int index, StartCompute& action) {
    SimNode& node = *nodes[static_cast<std::size_t>(index)];
    if (std::exchange(node.compute.started, true)) violated("compute started twice");
    if (action.work != "work") node.compute_error = "work that the worker cannot read";
  }
  void perform_node(int index, ComputeFrame& action) {
    SimCompute& compute = nodes[static_cast<std::size_t>(index)]->compute;
    if (!compute.ready || compute.input_closed) violated("a frame that the compute cannot take");
    compute.input.push_back(std::move(action.message));
    if (compute.input.size() > max_credits) violated("more frames than credit");
  }
  void perform_node(int index, InstructCompute& action) {
    nodes[static_cast<std::size_t>(index)]->compute.instructions.push_back(action.json);
  }
  void perform_node(int index, CloseComputeInput&) {
    nodes[static_cast<std::size_t>(index)]->compute.input_closed = true;
  }
  void perform_node(int index, StopCompute&) {
    nodes[static_cast<std::size_t>(index)]->compute.stopped = true;
  }
  void perform_node(int index, SendOwnStats&) {
    SimNode& node = *nodes[static_cast<std::size_t>(index)];
    StageStats stats;
    node.session->label(stats);
    node.upstream->control(ControlType::stats, stage_stats_json(stats));
  }
  void perform_node(int index, SendOwnBye& action) {
    SimNode& node = *nodes[static_cast<std::size_t>(index)];
    StageStats stats;
    node.session->label(stats);
    stats.output = node.downstream->link.stats();
    action.behind.insert(action.behind.begin(), stats);
    node.upstream->bye(bye_json(action.behind));
  }
  void perform_node(int index, LogLine& action) {
    nodes[static_cast<std::size_t>(index)]->log += action.line + "\n";
  }
  void perform_node(int index, SessionOver&) {
    nodes[static_cast<std::size_t>(index)]->session.reset();
  }
};

}  // namespace quantring::net
