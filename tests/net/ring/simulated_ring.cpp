#include "tests/net/ring/simulated_ring.h"

#include <utility>
#include <variant>

namespace quantring::net {

SimRing::SimRing(int stages, std::uint32_t credits) {
  for (int i = 0; i < stages; ++i) {
    auto& node = nodes.emplace_back(std::make_unique<SimNode>());
    node->address = "node" + std::to_string(i) + ":1";
    options.stages.push_back({node->address, "work"});
  }
  options.version = "1";
  options.credits = credits;
  head.emplace(options, 42);
}

void SimRing::begin() {
  head->begin(now);
  settle();
}

std::vector<SimRing::Step> SimRing::steps() {
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

void SimRing::take(const Step& step) {
  if (step.node) compute_step(*step.node);
  if (step.end) deliver(*step.end);
  settle();
}

void SimRing::run() {
  for (auto next = steps(); !next.empty(); next = steps()) take(next.front());
}

void SimRing::pass(std::chrono::milliseconds span) {
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

bool SimRing::may_submit() {
  SimEnd* first = head_end(HeadSession::stage0_link);
  return head->may_submit() && first && first->link.may_submit(now);
}

void SimRing::submit(std::uint8_t value) {
  Message message;
  message.images = 1;
  message.request_id = submitted++;
  message.payload.assign(3, static_cast<std::byte>(value));
  head->submit(std::move(message));
  settle();
}

void SimRing::consume() {
  head->consumed(1);
  settle();
}

void SimRing::finish() {
  head->finish();
  settle();
}

void SimRing::fail(const std::string& error) {
  head->fail(error);
  settle();
}

void SimRing::stop_node(SimNode& node) {
  if (node.session) node.session->fail(node.session->own_name() + " was stopped");
  settle();
}

void SimRing::lose(SimEnd& end, bool silent) {
  for (SimEnd* each : {&end, end.peer}) {
    if (!each) continue;
    each->cut = true;
    each->wire.clear();
    if (!silent) each->link.read_failed("connection reset by peer");
  }
  settle();
}

SimEnd* SimRing::intruder_at(int owner, bool mute) {
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

void SimRing::arrive(SimEnd& at, Frame&& frame) {
  at.link.bytes_arrived(frame_header_bytes + frame.payload.size(), now);
  at.link.frame_arrived(std::move(frame), now);
  settle();
}

void SimRing::settle() {
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

SimEnd* SimRing::head_end(LinkId id) {
  const auto found = head_ends.find(id);
  return found == head_ends.end() ? nullptr : found->second;
}

std::string SimRing::unfinished() const {
  if (done + errors.size() != 1) return "the head's session did not end once";
  if (port_open) return "the return port is open";
  for (const auto& node : nodes) {
    if (node->session || node->ending > 0) return "a session of " + node->address + " is not over";
  }
  for (const auto& end : ends) {
    if (!end->mute && !end->link.closed())
      return "the link with " + end->link.peer() + " is not closed";
  }
  return {};
}

}  // namespace quantring::net
