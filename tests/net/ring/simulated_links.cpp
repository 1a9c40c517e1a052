// The links of the simulated ring: connecting, frames on their way, what a link reports.
#include <utility>
#include <variant>

#include "tests/net/ring/simulated_ring.h"

namespace quantring::net {
namespace {

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

}  // namespace

SimEnd* SimRing::add_end(LinkConfig config, int owner) {
  return ends.emplace_back(std::make_unique<SimEnd>(std::move(config), now, owner)).get();
}

void SimRing::connect_to(SimEnd& from, int owner) {
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

SimEnd* SimRing::connect(ConnectLink& action, int owner) {
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

void SimRing::deliver(SimEnd& from) {
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

void SimRing::report(SimEnd& end, Action& action) {
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

void SimRing::report_to_node(SimEnd& end, Action& action) {
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

}  // namespace quantring::net
