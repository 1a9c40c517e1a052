#include "net/ring/node_session.h"

#include <fmt/format.h>

#include <asio/post.hpp>
#include <chrono>
#include <utility>

#include "ops/base/error.h"

namespace quantring::net {
namespace {

constexpr std::chrono::milliseconds stats_every{500};

}  // namespace

NodeSession::NodeSession(asio::io_context& io, const NodeOptions& options, StageFactory factory,
                         Host host, std::shared_ptr<Connection> upstream, const Hello& hello)
    : io_(io),
      options_(options),
      factory_(std::move(factory)),
      host_(std::move(host)),
      upstream_(std::move(upstream)),
      upstream_hello_(hello),
      client_(upstream_->remote_host()),
      timer_(io) {}

void NodeSession::start() {
  upstream_->set_owner(this);
  upstream_->set_peer(upstream_hello_.role == Role::head
                          ? fmt::format("the head ({})", client_)
                          : fmt::format("stage {} ({})", upstream_hello_.stage, client_));
  Hello own;
  own.version = options_.version;
  own.session = upstream_hello_.session;
  own.role = Role::node;
  own.codecs = options_.codecs;
  upstream_->accept(own);
  tick();
}

std::string NodeSession::own_name() const {
  if (!plan_) return "this node";
  return stage_name(plan_->stage, plan_->stages[static_cast<std::size_t>(plan_->stage)].address);
}

void NodeSession::fail(const std::string& error) {
  if (failure_.empty()) failure_ = error;
  // Each of these may come back here through on_closed, with nothing left to do.
  if (!upstream_closed_) upstream_->fail(error);
  if (downstream_ && !downstream_closed_) downstream_->fail(error);
  if (lane_) lane_->stop();
  check_over();
}

void NodeSession::begin(const std::string& json) {
  try {
    plan_ = parse_plan(json);
  } catch (const Error& error) {
    return fail(
        fmt::format("a node at {} cannot read the plan: {}", options_.listen, error.what()));
  }
  const int expected = upstream_hello_.role == Role::head ? 0 : upstream_hello_.stage + 1;
  if (plan_->session != upstream_hello_.session || plan_->stage != expected) {
    return fail(fmt::format("{}: the plan is not for this connection", own_name()));
  }
  if (upstream_hello_.role == Role::stage) {
    const auto before = static_cast<std::size_t>(plan_->stage - 1);
    upstream_->set_peer(stage_name(plan_->stage - 1, plan_->stages[before].address));
  }
  upstream_->set_epoch(plan_->epoch);
  host_.log(fmt::format("session {} from {}: stage {} of {}", session_text(plan_->session), client_,
                        plan_->stage, plan_->stages.size()));
  start_lane();
  connect_downstream();
  tick();
}

template <typename Member>
auto NodeSession::poster(Member member) {
  // Weak: the session must not be held, and so perhaps destroyed, on the compute thread.
  return [&io = io_, weak = weak_from_this(), member](const auto&... args) {
    asio::post(io, [weak, member, args...] {
      if (const auto self = weak.lock()) ((*self).*member)(args...);
    });
  };
}

void NodeSession::start_lane() {
  ComputeLane::Events events;
  events.ready = poster(&NodeSession::lane_is_ready);
  events.taken = poster(&NodeSession::input_taken);
  events.produced = poster(&NodeSession::pump);
  events.failed = poster(&NodeSession::lane_failed);
  events.exited = poster(&NodeSession::lane_exited);
  lane_ = std::make_unique<ComputeLane>(
      factory_, plan_->stages[static_cast<std::size_t>(plan_->stage)].work, plan_->stage,
      static_cast<int>(plan_->stages.size()), std::move(events));
}

void NodeSession::lane_is_ready() {
  lane_ready_ = true;
  announce_when_ready();
}

void NodeSession::input_taken() {
  if (!upstream_closed_) upstream_->grant(1);
}

void NodeSession::lane_failed(const std::string& error) {
  fail(fmt::format("{}: {}", own_name(), error));
}

void NodeSession::lane_exited() {
  lane_done_ = true;
  check_over();
}

void NodeSession::connect_downstream() {
  LinkConfig config;
  config.end = LinkEnd::sender;
  config.data = last() ? FrameKind::result : FrameKind::tensor;
  config.epoch = plan_->epoch;
  config.hello.version = options_.version;
  config.hello.session = plan_->session;
  config.hello.role = Role::stage;
  config.hello.stage = plan_->stage;
  config.hello.codecs = options_.codecs;
  Address address;
  if (last()) {
    address = parse_address(plan_->return_address);
    config.peer = fmt::format("the head ({})", plan_->return_address);
    config.connect_hint = fmt::format("can {} reach that address?", own_name());
  } else {
    const auto next = static_cast<std::size_t>(plan_->stage + 1);
    address = parse_address(plan_->stages[next].address);
    config.peer = stage_name(plan_->stage + 1, plan_->stages[next].address);
    config.connect_hint =
        fmt::format("is `quantring node` running there, and can {} reach it?", own_name());
  }
  downstream_ =
      Connection::connect(io_, std::move(config), address, plan_->link_bits_per_second, *this);
}

void NodeSession::announce_when_ready() {
  if (announced_ || !lane_ready_ || !downstream_ready_ || !failure_.empty()) return;
  announced_ = true;
  host_.log(fmt::format("{} is ready", own_name()));
  upstream_->control(ControlType::ready, {});
  upstream_->grant(plan_->credits);
}

StageStats NodeSession::own_stats() const {
  StageStats stats = lane_ ? lane_->stats() : StageStats{};
  stats.stage = plan_->stage;
  stats.address = plan_->stages[static_cast<std::size_t>(plan_->stage)].address;
  stats.version = options_.version;
  stats.input = upstream_->link().stats();
  if (downstream_) stats.output = downstream_->link().stats();
  return stats;
}

void NodeSession::tick() {
  if (announced_ && !upstream_closed_) {
    upstream_->control(ControlType::stats, stage_stats_json(own_stats()));
  }
  if (upstream_closed_) return;
  timer_.expires_after(plan_ ? stats_every : handshake_limit);
  timer_.async_wait([weak = weak_from_this()](const asio::error_code& cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self) return;
    if (!self->plan_) return self->fail("no plan came within 5 s after the hello");
    self->tick();
  });
}

void NodeSession::on_hello(Connection&, const Hello&) {
  if (last()) return;  // the head says that it is ready
  Plan next = *plan_;
  ++next.stage;
  downstream_->control(ControlType::plan, plan_json(next));
}

void NodeSession::on_control(Connection&, const Control& control) {
  switch (control.type) {
    case ControlType::plan:
      if (plan_) return fail(fmt::format("{}: a second plan arrived", own_name()));
      return begin(control.json);
    case ControlType::ready:
      downstream_ready_ = true;
      return announce_when_ready();
    case ControlType::stats:
      if (!upstream_closed_) upstream_->control(ControlType::stats, control.json);
      return;
    case ControlType::instruct:
      if (!announced_) return fail(fmt::format("{}: instructed before the start", own_name()));
      lane_->instruct(control.json);
      if (!downstream_closed_ && !last()) downstream_->instruct(control.json);
      return;
    case ControlType::finish:
    case ControlType::bye:
      return;  // the link keeps these to itself
  }
}

void NodeSession::on_message(Connection&, Message&& message) {
  lane_->push(std::move(message));
}

void NodeSession::on_room(Connection& connection) {
  if (&connection == downstream_.get()) pump();
}

void NodeSession::on_tick(Connection& connection) {
  if (lane_ && &connection == downstream_.get()) lane_->set_output_stats(connection.link().stats());
}

void NodeSession::on_peer_finished(Connection&) {
  if (!announced_) return fail(fmt::format("{}: the end came before the start", own_name()));
  lane_->close_input();
}

void NodeSession::pump() {
  if (!downstream_ || downstream_closed_ || !lane_ || finishing_) return;
  while (lane_->has_output() && downstream_->may_submit()) {
    // Taking the output gives room for the next, which is then coded with this in mind.
    lane_->set_output_stats(downstream_->link().stats());
    downstream_->submit(*lane_->pop());
  }
  if (lane_->drained()) {
    finishing_ = true;
    downstream_->finish();
  }
}

void NodeSession::on_closed(Connection& connection, const Closed& closed) {
  const bool was_upstream = &connection == upstream_.get();
  (was_upstream ? upstream_closed_ : downstream_closed_) = true;
  if (!closed.error.empty()) return fail(closed.error);
  if (!was_upstream) end_orderly(closed.bye_json);
  check_over();
}

void NodeSession::end_orderly(const std::string& bye) {
  try {
    std::vector<StageStats> stages = parse_bye(bye);
    stages.insert(stages.begin(), own_stats());
    upstream_->bye(bye_json(stages));
  } catch (const Error& error) {
    fail(fmt::format("{} broke the protocol: {}", downstream_->link().peer(), error.what()));
  }
}

void NodeSession::check_over() {
  if (over_ || !upstream_closed_ || (downstream_ && !downstream_closed_) ||
      (lane_ && !lane_done_)) {
    return;
  }
  over_ = true;
  timer_.cancel();
  host_.log(failure_.empty()
                ? fmt::format("session ended: {} images", upstream_->link().stats().images)
                : fmt::format("session ended: {}", failure_));
  // Not from inside a connection's call to this session.
  asio::post(io_, host_.over);
}

}  // namespace quantring::net
