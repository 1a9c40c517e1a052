#include "net/ring/head_driver.h"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <chrono>
#include <utility>

#include "net/wire/address.h"
#include "ops/base/error.h"

namespace quantring::net {

HeadDriver::HeadDriver(asio::io_context& io, const HeadOptions& options, std::uint64_t session,
                       Events events)
    : io_(io), options_(options), session_(options, session), events_(std::move(events)) {}

void HeadDriver::start() {
  session_.begin(std::chrono::steady_clock::now());
  perform();
}

bool HeadDriver::may_submit() {
  return session_.may_submit() && find(HeadSession::stage0_link)->may_submit();
}

bool HeadDriver::sending() const {
  const Connection* const first = find(HeadSession::stage0_link);
  return first != nullptr && first->link().sending();
}

void HeadDriver::submit(Message&& message) {
  session_.submit(std::move(message));
  perform();
}

void HeadDriver::consumed(std::uint32_t results) {
  session_.consumed(results);
  perform();
}

void HeadDriver::instruct(const std::string& json) {
  session_.instruct(json);
  perform();
}

void HeadDriver::finish() {
  session_.finish();
  perform();
}

void HeadDriver::fail(const std::string& error) {
  session_.fail(error);
  perform();
}

RingStats HeadDriver::stats() const {
  RingStats stats;
  stats.stages = session_.stages();
  if (const Connection* first = find(HeadSession::stage0_link)) stats.input = first->link().stats();
  if (session_.return_link()) stats.output = find(*session_.return_link())->link().stats();
  return stats;
}

Connection* HeadDriver::find(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : found->second.get();
}

LinkId HeadDriver::id_of(const Connection& connection) const {
  const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& each) {
    return each.second.get() == &connection;
  });
  // When connecting fails at once, the connection is not in links_ yet.
  return found == links_.end() ? HeadSession::stage0_link : found->first;
}

// A connection or a callback may report something while an action is performed: the outer call goes
// on with that. Room is reported last, so that a submitted frame is with its link at once.
void HeadDriver::perform() {
  if (std::exchange(performing_, true)) return;
  for (auto actions = session_.take_actions(); !actions.empty();
       actions = session_.take_actions()) {
    for (HeadAction& action : actions) {
      std::visit([this](auto& each) { perform_one(each); }, action);
    }
  }
  performing_ = false;
  if (std::exchange(room_, false) && may_submit()) events_.room();
}

void HeadDriver::perform_one(ConnectLink& action) {
  links_[action.link] = Connection::connect(io_, std::move(action.config), action.address,
                                            action.bits_per_second, *this);
}

void HeadDriver::perform_one(LinkAction& action) {
  // A copy: the call may end in on_closed, which forgets the connection.
  const auto found = links_.find(link_of(action));
  if (found == links_.end()) return;
  const std::shared_ptr<Connection> connection = found->second;
  net::perform(action, *connection);
}

void HeadDriver::perform_one(OpenReturnPort&) {
  const std::string local = find(HeadSession::stage0_link)->local_host();
  const bool ipv6 = local.find(':') != std::string::npos;
  std::string listen = options_.listen;
  if (listen.empty()) listen = ipv6 ? "[::]:0" : "0.0.0.0:0";
  try {
    acceptor_ = listen_on(io_, listen);
  } catch (const Error& error) {
    return session_.fail(error.what());
  }
  asio::co_spawn(
      io_, accept_sockets(acceptor_, [this](Tcp::socket socket) { accepted(std::move(socket)); }),
      asio::detached);
  const std::string& host = options_.advertise_host.empty() ? local : options_.advertise_host;
  session_.return_port_opened({host, acceptor_->local_endpoint().port()});
}

void HeadDriver::perform_one(CloseReturnPort&) {
  asio::error_code ignored;
  if (acceptor_) acceptor_->close(ignored);
}

void HeadDriver::perform_one(RingReady&) {
  events_.ready();
  room_ = true;
}

void HeadDriver::accepted(Tcp::socket socket) {
  asio::error_code gone;
  const auto remote = socket.remote_endpoint(gone);
  if (gone) return;
  const std::optional<LinkId> link = session_.connection_arrived();
  if (!link) return;  // closes it
  links_[*link] =
      Connection::accepted(std::move(socket), session_.pending_config(host_text(remote)), *this);
}

void HeadDriver::on_hello(Connection& connection, const Hello& hello) {
  session_.hello_arrived(id_of(connection), hello);
  perform();
}

void HeadDriver::on_message(Connection& connection, Message&& message) {
  session_.message_arrived(id_of(connection), std::move(message));
  perform();
}

void HeadDriver::on_control(Connection& connection, const Control& control) {
  session_.control_arrived(id_of(connection), control);
  perform();
}

void HeadDriver::on_room(Connection& connection) {
  room_ = room_ || &connection == find(HeadSession::stage0_link);
  perform();
}

void HeadDriver::on_peer_finished(Connection& connection) {
  session_.peer_finished(id_of(connection));
  perform();
}

void HeadDriver::on_tick(Connection&) {
  session_.tick(std::chrono::steady_clock::now());
  perform();
}

void HeadDriver::on_closed(Connection& connection, const Closed& closed) {
  const LinkId link = id_of(connection);
  session_.closed(link, closed);
  // The counters of the ring's own two links are still asked for.
  if (link != HeadSession::stage0_link && link != session_.return_link()) links_.erase(link);
  perform();
}

}  // namespace quantring::net
