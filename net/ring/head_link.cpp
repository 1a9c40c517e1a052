#include "net/ring/head_link.h"

#include <fmt/format.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <utility>

#include "net/wire/address.h"
#include "ops/base/error.h"

namespace quantring::net {

HeadLink::HeadLink(asio::io_context& io, const HeadOptions& options, std::uint64_t session,
                   Events events)
    : io_(io),
      options_(options),
      session_(session),
      events_(std::move(events)),
      ready_timer_(io),
      stages_(options.stages.size()) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    stages_[i].stage = static_cast<int>(i);
    stages_[i].address = options.stages[i].address;
  }
}

void HeadLink::start() {
  LinkConfig config;
  config.hello.version = options_.version;
  config.hello.session = session_;
  config.hello.role = Role::head;
  config.hello.codecs = options_.codecs;
  config.peer = stage_name(0, options_.stages[0].address);
  config.connect_hint = "is `quantring node` running there?";
  first_ = Connection::connect(io_, std::move(config), parse_address(options_.stages[0].address),
                               options_.link_bits_per_second, *this);
  ready_timer_.expires_after(options_.ready_timeout);
  ready_timer_.async_wait([this](const asio::error_code& cancelled) {
    if (cancelled) return;
    fail(fmt::format("the ring was not ready within {} s: a stage is still loading, see its log",
                     options_.ready_timeout.count()));
  });
}

void HeadLink::on_hello(Connection& connection, const Hello& hello) {
  if (&connection != first_.get()) return return_hello(connection, hello);
  try {
    send_plan();
  } catch (const Error& error) {
    fail(error.what());
  }
}

void HeadLink::send_plan() {
  const std::string local = first_->local_host();
  const bool ipv6 = local.find(':') != std::string::npos;
  std::string listen = options_.listen;
  if (listen.empty()) listen = ipv6 ? "[::]:0" : "0.0.0.0:0";
  acceptor_ = listen_on(io_, listen);
  asio::co_spawn(
      io_, accept_sockets(acceptor_, [this](Tcp::socket socket) { stranger(std::move(socket)); }),
      asio::detached);

  Plan plan;
  plan.session = session_;
  for (const HeadStage& stage : options_.stages) plan.stages.push_back({stage.address, stage.work});
  const std::string& host = options_.advertise_host.empty() ? local : options_.advertise_host;
  plan.return_address = address_text({host, acceptor_->local_endpoint().port()});
  plan.link_bits_per_second = options_.link_bits_per_second;
  plan.credits = options_.credits;
  first_->control(ControlType::plan, plan_json(plan));
}

void HeadLink::stranger(Tcp::socket socket) {
  asio::error_code gone;
  const auto remote = socket.remote_endpoint(gone);
  if (gone || strangers_.size() >= max_strangers) return;  // closes it
  LinkConfig config;
  config.end = LinkEnd::receiver;
  config.data = FrameKind::result;
  config.hello.version = options_.version;
  config.peer = host_text(remote);
  strangers_.push_back(Connection::accepted(std::move(socket), std::move(config), *this));
}

void HeadLink::return_hello(Connection& connection, const Hello& hello) {
  const auto last = static_cast<int>(options_.stages.size()) - 1;
  if (hello.role != Role::stage || hello.session != session_ || hello.stage != last || return_) {
    return connection.fail("this port waits for the last stage of another session");
  }
  return_ = connection.shared_from_this();
  strangers_.remove(return_);
  return_->set_peer(stage_name(last, options_.stages.back().address));
  Hello own;
  own.version = options_.version;
  own.session = session_;
  own.role = Role::head;
  own.codecs = options_.codecs;
  return_->accept(own);
  return_->control(ControlType::ready, {});
  return_->grant(options_.credits);
}

void HeadLink::on_control(Connection& connection, const Control& control) {
  if (&connection != first_.get())
    return fail("the last stage sent the head what only a stage may be sent");
  if (control.type == ControlType::stats) return keep_stats(control.json);
  if (control.type != ControlType::ready || ready_) return;
  if (!return_) return fail("the ring says that it is ready, but its last stage is not here");
  ready_ = true;
  ready_timer_.cancel();
  leave();
  events_.ready();
}

void HeadLink::keep_stats(const std::string& json) {
  try {
    StageStats stats = parse_stage_stats(json);
    const auto stage = static_cast<std::size_t>(stats.stage);
    if (stage >= stages_.size()) throw Error("a stage that is not in the ring");
    stages_[stage] = std::move(stats);
  } catch (const Error& error) {
    return fail(fmt::format("{} sent wrong statistics: {}", first_->link().peer(), error.what()));
  }
  events_.counted();
}

void HeadLink::on_room(Connection& connection) {
  if (&connection == first_.get() && may_submit()) events_.room();
}

void HeadLink::on_message(Connection&, Message&& message) {
  if (over_) return;
  if (return_->link().stats().frames > first_->link().stats().frames) {
    return fail("the last stage sent a result for which there was no frame");
  }
  events_.result(std::move(message));
}

void HeadLink::consumed(std::uint32_t results) {
  if (!over_) return_->grant(results);
}

void HeadLink::instruct(const std::string& json) {
  if (ready_ && !over_) first_->instruct(json);
}

void HeadLink::finish() {
  if (!over_) first_->finish();
}

void HeadLink::on_peer_finished(Connection&) {
  const auto sent = first_->link().stats().frames, got = return_->link().stats().frames;
  if (sent != got) return fail(fmt::format("{} results came for {} frames", got, sent));
  events_.last_result();
  return_->bye(bye_json({}));
}

void HeadLink::on_tick(Connection&) {
  if (ready_ && !over_) events_.counted();  // the head's own hops have no other news
}

void HeadLink::on_closed(Connection& connection, const Closed& closed) {
  if (&connection != first_.get() && &connection != return_.get()) {
    strangers_.remove_if([&](const auto& each) { return each.get() == &connection; });
    return;
  }
  if (!closed.error.empty()) return fail(closed.error);
  if (&connection != first_.get() || over_) return;
  try {
    std::vector<StageStats> stages = parse_bye(closed.bye_json);
    if (stages.size() != stages_.size()) throw Error("a stage is missing in it");
    stages_ = std::move(stages);
  } catch (const Error& error) {
    return fail(fmt::format("{} said a wrong goodbye: {}", connection.link().peer(), error.what()));
  }
  over_ = true;
  events_.done();
}

void HeadLink::fail(const std::string& error) {
  if (std::exchange(over_, true)) return;
  ready_timer_.cancel();
  leave();
  first_->fail(error);
  if (return_) return_->fail(error);
  events_.failed(error);
}

void HeadLink::leave() {
  asio::error_code ignored;
  if (acceptor_) acceptor_->close(ignored);
  for (const auto& each : std::exchange(strangers_, {})) {
    each->set_owner(nullptr);
    each->fail("this port waits for nobody any more");
  }
}

RingStats HeadLink::stats() const {
  RingStats stats;
  stats.stages = stages_;
  if (first_) stats.input = first_->link().stats();
  if (return_) stats.output = return_->link().stats();
  return stats;
}

}  // namespace quantring::net
