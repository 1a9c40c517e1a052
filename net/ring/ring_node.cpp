#include "net/ring/ring_node.h"

#include <utility>  // Asio 1.18 needs it and does not include it

#include <fmt/format.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <optional>

#include "net/hop/connection.h"
#include "net/hop/socket.h"
#include "net/ring/node_driver.h"
#include "net/ring/stop_signal.h"
#include "net/wire/address.h"

namespace quantring::net {

// Owns the connections without a valid hello; a session owns the rest.
struct RingNode::Impl final : ConnectionOwner {
  Impl(NodeOptions node_options, StageFactory stage_factory, EventLog event_log)
      : options(std::move(node_options)),
        factory(std::move(stage_factory)),
        log(std::move(event_log)),
        io(1),
        acceptor(listen_on(io, options.listen)),
        port(acceptor->local_endpoint().port()),
        stop_signal(io, [this] { stop_now(); }),
        beat(io) {}

  void run();
  void accepted(Tcp::socket socket);
  void stop_now();
  void forget(Connection& connection);
  void report_alive();
  NodeState state() const;

  void on_hello(Connection& connection, const Hello& hello) override;
  void on_closed(Connection& connection, const Closed& closed) override;
  // Not called before a hello, which gives the connection to a session.
  void on_message(Connection&, Message&&) override {}
  void on_control(Connection&, const Control&) override {}
  void on_room(Connection&) override {}
  void on_peer_finished(Connection&) override {}

  const NodeOptions options;
  const StageFactory factory;
  const EventLog log;
  asio::io_context io;
  Acceptor acceptor;
  const std::uint16_t port;
  StopSignal stop_signal;
  asio::steady_timer beat;
  std::list<std::shared_ptr<Connection>> pending;
  // In order of their begin; all but the newest are released and only wait for their compute.
  std::map<std::uint64_t, std::shared_ptr<NodeDriver>> sessions;
  std::uint64_t begun_sessions = 0;
  std::mutex turn;  // of their compute threads
  NodeState ended;  // counts of sessions that are over
  // The compute thread of a session may still post: run() must not end before the sessions.
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> working;
};

void RingNode::Impl::run() {
  log(fmt::format("listening on {}", address_text({parse_address(options.listen).host, port})));
  asio::co_spawn(
      io, accept_sockets(acceptor, [this](Tcp::socket socket) { accepted(std::move(socket)); }),
      asio::detached);
  if (options.alive || options.state) report_alive();
  io.run();  // until stop_now has closed everything
  log("stopped");
}

void RingNode::Impl::accepted(Tcp::socket socket) {
  if (pending.size() >= max_pending_connections) return;  // closes it
  asio::error_code gone;
  const auto remote = socket.remote_endpoint(gone);
  if (gone) return;
  LinkConfig config = NodeSession::pending_config(options.version, host_text(remote));
  pending.push_back(Connection::accepted(std::move(socket), std::move(config), *this));
}

void RingNode::Impl::forget(Connection& connection) {
  pending.remove_if([&](const auto& each) { return each.get() == &connection; });
}

void RingNode::Impl::report_alive() {
  if (options.alive) options.alive();
  if (options.state) options.state(state());
  beat.expires_after(std::chrono::seconds(1));
  beat.async_wait([this](const asio::error_code& error) {
    if (!error && acceptor->is_open()) report_alive();
  });
}

NodeState RingNode::Impl::state() const {
  NodeState now = ended;
  now.stage = -1;
  now.sessions = begun_sessions;
  for (const auto& [number, session] : sessions) session->add_to(now);
  now.busy = !sessions.empty() && !sessions.rbegin()->second->session().released();
  if (now.busy) now.client = sessions.rbegin()->second->session().client();
  if (!now.busy) now.stage = -1;
  return now;
}

void RingNode::Impl::on_hello(Connection& connection, const Hello& hello) {
  const NodeSession* newest = sessions.empty() ? nullptr : &sessions.rbegin()->second->session();
  const std::string refusal = NodeSession::refusal(hello, newest);
  if (!refusal.empty()) return connection.fail(refusal);
  const auto shared = connection.shared_from_this();
  forget(connection);
  NodeDriver::Host host;
  host.log = log;
  host.turn = &turn;
  host.over = [this, number = begun_sessions] {
    const auto over = sessions.find(number);
    over->second->add_to(ended);
    ended.failed_sessions += over->second->session().failed();
    sessions.erase(over);
    if (sessions.empty()) working.reset();
  };
  if (!working) working.emplace(io.get_executor());
  const auto session =
      std::make_shared<NodeDriver>(io, options, factory, std::move(host), shared, hello);
  sessions[begun_sessions++] = session;
  session->start();
}

void RingNode::Impl::on_closed(Connection& connection, const Closed& closed) {
  log(fmt::format("refused a connection: {}", closed.error));
  forget(connection);
}

void RingNode::Impl::stop_now() {
  asio::error_code ignored;
  acceptor->close(ignored);
  beat.cancel();
  for (const auto& each : std::exchange(pending, {})) {
    each->set_owner(nullptr);
    each->fail("the node is stopping");
  }
  for (const auto& [number, session] : sessions)
    session->fail(fmt::format("{} was stopped", session->session().own_name()));
}

RingNode::RingNode(NodeOptions options, StageFactory factory, EventLog log)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(factory), std::move(log))) {}

RingNode::~RingNode() = default;

std::uint16_t RingNode::port() const {
  return impl_->port;
}

void RingNode::run() {
  impl_->run();
}

void RingNode::stop() noexcept {
  impl_->stop_signal.raise();
}

}  // namespace quantring::net
