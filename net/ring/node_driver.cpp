#include "net/ring/node_driver.h"

#include <asio/post.hpp>
#include <chrono>
#include <utility>

namespace quantring::net {

NodeDriver::NodeDriver(asio::io_context& io, const NodeOptions& options, StageFactory factory,
                       Host host, std::shared_ptr<Connection> upstream, const Hello& hello)
    : io_(io),
      factory_(std::move(factory)),
      host_(std::move(host)),
      session_({options.listen, options.version}, hello, upstream->remote_host()),
      upstream_(std::move(upstream)) {}

void NodeDriver::start() {
  upstream_->set_owner(this);
  session_.begin(std::chrono::steady_clock::now());
  perform();
}

void NodeDriver::fail(const std::string& error) {
  session_.fail(error);
  perform();
}

LinkId NodeDriver::id_of(const Connection& connection) const {
  return &connection == upstream_.get() ? NodeSession::upstream_link : NodeSession::downstream_link;
}

// A connection may report something while an action is performed: the outer call goes on with that.
void NodeDriver::perform() {
  if (std::exchange(performing_, true)) return;
  do {
    for (auto actions = session_.take_actions(); !actions.empty();
         actions = session_.take_actions()) {
      for (NodeAction& action : actions) {
        std::visit([this](auto& each) { perform_one(each); }, action);
      }
    }
  } while (pump());
  performing_ = false;
}

bool NodeDriver::pump() {
  if (!session_.may_output()) return false;
  if (lane_->drained()) {
    session_.output_drained();
    return true;
  }
  if (!lane_->has_output() || !downstream_->may_submit()) return false;
  // Before the output is taken: that gives room for the next frame, which is coded with this.
  lane_->set_output_stats(downstream_->link().stats());
  session_.output(*lane_->pop());
  return true;
}

void NodeDriver::perform_one(ConnectLink& action) {
  downstream_ = Connection::connect(io_, std::move(action.config), action.address,
                                    action.bits_per_second, *this);
}

void NodeDriver::perform_one(LinkAction& action) {
  net::perform(action, link_of(action) == NodeSession::upstream_link ? *upstream_ : *downstream_);
}

template <typename Event>
auto NodeDriver::poster(Event event) {
  // Weak: the driver must not be held, and so perhaps destroyed, on the compute thread.
  return [&io = io_, weak = weak_from_this(), event](const auto&... args) {
    asio::post(io, [weak, event, args...] {
      const auto self = weak.lock();
      if (!self) return;
      event(self->session_, args...);
      self->perform();
    });
  };
}

void NodeDriver::perform_one(StartCompute& action) {
  ComputeLane::Events events;
  events.ready = poster([](NodeSession& session) { session.compute_ready(); });
  events.taken = poster([](NodeSession& session) { session.input_taken(); });
  events.produced = poster([](NodeSession&) {});  // perform looks for output
  events.failed =
      poster([](NodeSession& session, const std::string& error) { session.compute_failed(error); });
  events.exited = poster([](NodeSession& session) { session.compute_exited(); });
  lane_ = std::make_unique<ComputeLane>(factory_, std::move(action.work), action.stage,
                                        action.stages, std::move(events), host_.turn);
}

StageStats NodeDriver::own_stats() const {
  StageStats stats = lane_->stats();
  session_.label(stats);
  stats.input = upstream_->link().stats();
  stats.output = downstream_->link().stats();
  return stats;
}

void NodeDriver::add_to(NodeState& state) const {
  if (!lane_) return;  // before the plan
  const StageStats stats = own_stats();
  state.images += stats.images;
  state.compute_s += stats.compute_s;
  state.received_bytes += stats.input.wire_bytes;
  state.sent_bytes += stats.output.wire_bytes;
  state.stage = stats.stage;
}

void NodeDriver::perform_one(SendOwnStats&) {
  upstream_->control(ControlType::stats, stage_stats_json(own_stats()));
}

void NodeDriver::perform_one(SendOwnBye& action) {
  action.behind.insert(action.behind.begin(), own_stats());
  upstream_->bye(bye_json(action.behind));
}

void NodeDriver::perform_one(SessionOver&) {
  // Not from inside a connection's call to this driver.
  asio::post(io_, host_.over);
}

void NodeDriver::on_hello(Connection& connection, const Hello& hello) {
  session_.hello_arrived(id_of(connection), hello);
  perform();
}

void NodeDriver::on_control(Connection& connection, const Control& control) {
  session_.control_arrived(id_of(connection), control);
  perform();
}

void NodeDriver::on_message(Connection& connection, Message&& message) {
  session_.message_arrived(id_of(connection), std::move(message));
  perform();
}

void NodeDriver::on_peer_finished(Connection& connection) {
  session_.peer_finished(id_of(connection));
  perform();
}

void NodeDriver::on_tick(Connection& connection) {
  if (&connection == upstream_.get()) {
    session_.tick(std::chrono::steady_clock::now());
    perform();
  } else {
    lane_->set_output_stats(connection.link().stats());
  }
}

void NodeDriver::on_closed(Connection& connection, const Closed& closed) {
  session_.closed(id_of(connection), closed);
  perform();
}

}  // namespace quantring::net
