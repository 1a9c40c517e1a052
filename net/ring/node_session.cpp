#include "net/ring/node_session.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "ops/base/error.h"

namespace quantring::net {
namespace {

constexpr std::chrono::milliseconds stats_every{500};

}  // namespace

std::string NodeSession::refusal(const Hello& hello, const NodeSession* current) {
  if (hello.role == Role::node) return "a node does not connect to a node";
  if (!current || current->released()) return {};
  return fmt::format("{} {}; try again when that has ended", busy_text, current->client());
}

LinkConfig NodeSession::pending_config(const std::string& version, const std::string& host) {
  LinkConfig config;
  config.end = LinkEnd::receiver;
  config.hello.version = version;
  config.peer = host;
  return config;
}

NodeSession::NodeSession(NodeIdentity identity, const Hello& hello, std::string client)
    : identity_(std::move(identity)), hello_(hello), client_(std::move(client)) {}

std::vector<NodeAction> NodeSession::take_actions() {
  return std::exchange(actions_, {});
}

Hello NodeSession::own_hello(Role role) const {
  Hello hello;
  hello.version = identity_.version;
  hello.session = hello_.session;
  hello.role = role;
  return hello;
}

void NodeSession::begin(Time now) {
  plan_deadline_ = now + handshake_limit;
  actions_.push_back(
      RenameLink{upstream_link, hello_.role == Role::head
                                    ? fmt::format("the head ({})", client_)
                                    : fmt::format("stage {} ({})", hello_.stage, client_)});
  actions_.push_back(AcceptLink{upstream_link, own_hello(Role::node)});
}

const std::string& NodeSession::address_of(int stage) const {
  return plan_->stages[static_cast<std::size_t>(stage)].address;
}

std::string NodeSession::own_name() const {
  if (plan_) return stage_name(plan_->stage, address_of(plan_->stage));
  return fmt::format("stage {} (a node at {})", expected_stage(), identity_.listen);
}

void NodeSession::label(StageStats& stats) const {
  stats.stage = plan_->stage;
  stats.address = address_of(plan_->stage);
  stats.version = identity_.version;
}

void NodeSession::take_plan(const std::string& json) {
  if (plan_) return fail(fmt::format("{}: a second plan arrived", own_name()));
  Plan plan;
  try {
    plan = parse_plan(json);
  } catch (const Error& error) {
    return fail(fmt::format("{} cannot read the plan: {}", own_name(), error.what()));
  }
  plan_ = std::move(plan);
  if (plan_->session != hello_.session || plan_->stage != expected_stage()) {
    return fail(fmt::format("{}: the plan is not for this connection", own_name()));
  }
  if (hello_.role == Role::stage) {
    const int before = plan_->stage - 1;
    actions_.push_back(RenameLink{upstream_link, stage_name(before, address_of(before))});
  }
  actions_.push_back(SetLinkEpoch{upstream_link, plan_->epoch});
  actions_.push_back(
      LogLine{fmt::format("session {} from {}: stage {} of {}", session_text(plan_->session),
                          client_, plan_->stage, plan_->stages.size())});
  compute_started_ = true;
  actions_.push_back(StartCompute{plan_->stages[static_cast<std::size_t>(plan_->stage)].work,
                                  plan_->stage, static_cast<int>(plan_->stages.size())});
  connect_downstream();
}

void NodeSession::connect_downstream() {
  LinkConfig config;
  config.end = LinkEnd::sender;
  config.data = last() ? FrameKind::result : FrameKind::tensor;
  config.epoch = plan_->epoch;
  config.hello = own_hello(Role::stage);
  config.hello.stage = plan_->stage;
  Address address;
  if (last()) {
    address = parse_address(plan_->return_address);
    config.peer = fmt::format("the head ({})", plan_->return_address);
    config.connect_hint = fmt::format("can {} reach that address?", own_name());
  } else {
    const int next = plan_->stage + 1;
    address = parse_address(address_of(next));
    config.peer = stage_name(next, address_of(next));
    config.connect_hint =
        fmt::format("is `quantring node` running there, and can {} reach it?", own_name());
  }
  downstream_started_ = true;
  actions_.push_back(
      ConnectLink{downstream_link, std::move(config), address, plan_->link_bits_per_second});
}

void NodeSession::hello_arrived(LinkId link, const Hello&) {
  if (link != downstream_link || !failure_.empty()) return;
  if (last()) return;  // the head has the plan
  Plan next = *plan_;
  ++next.stage;
  actions_.push_back(SendControl{downstream_link, ControlType::plan, plan_json(next)});
}

void NodeSession::control_arrived(LinkId, const Control& control) {
  if (!failure_.empty()) return;
  switch (control.type) {
    case ControlType::plan:
      return take_plan(control.json);
    case ControlType::ready:
      downstream_ready_ = true;
      return announce_when_ready();
    case ControlType::stats:
      actions_.push_back(SendControl{upstream_link, ControlType::stats, control.json});
      return;
    case ControlType::instruct:
      if (!announced_) return fail(fmt::format("{}: an instruction before the start", own_name()));
      actions_.push_back(InstructCompute{control.json});
      if (!last()) actions_.push_back(SendInstruction{downstream_link, control.json});
      return;
    case ControlType::finish:
    case ControlType::bye:
      return;  // the link reports these as peer_finished and closed
  }
}

void NodeSession::compute_ready() {
  compute_ready_ = true;
  announce_when_ready();
}

void NodeSession::announce_when_ready() {
  if (announced_ || !compute_ready_ || !downstream_ready_ || !failure_.empty()) return;
  announced_ = true;
  next_stats_ = {};
  actions_.push_back(LogLine{fmt::format("{} is ready", own_name())});
  actions_.push_back(SendControl{upstream_link, ControlType::ready, {}});
  actions_.push_back(GrantCredit{upstream_link, plan_->credits});
}

void NodeSession::message_arrived(LinkId, Message&& message) {
  if (!failure_.empty()) return;
  images_ += message.images;
  actions_.push_back(ComputeFrame{std::move(message)});
}

void NodeSession::input_taken() {
  if (failure_.empty()) actions_.push_back(GrantCredit{upstream_link, 1});
}

void NodeSession::peer_finished(LinkId) {
  if (!failure_.empty()) return;
  if (!announced_) return fail(fmt::format("{}: the end came before the start", own_name()));
  actions_.push_back(CloseComputeInput{});
}

bool NodeSession::may_output() const {
  return announced_ && failure_.empty() && !finishing_ && !downstream_closed_;
}

void NodeSession::output(Message&& message) {
  actions_.push_back(SendMessage{downstream_link, std::move(message)});
}

void NodeSession::output_drained() {
  if (!may_output()) return;
  finishing_ = true;
  actions_.push_back(FinishLink{downstream_link});
}

void NodeSession::tick(Time now) {
  if (upstream_closed_ || !failure_.empty()) return;
  if (!plan_ && now >= plan_deadline_) {
    return fail(
        fmt::format("no plan arrived within {} s after the hello", handshake_limit.count() / 1000));
  }
  if (!announced_ || now < next_stats_) return;
  next_stats_ = now - next_stats_ < 2 * stats_every ? next_stats_ + stats_every : now + stats_every;
  actions_.push_back(SendOwnStats{});
}

void NodeSession::compute_failed(const std::string& error) {
  fail(fmt::format("{}: {}", own_name(), error));
}

void NodeSession::compute_exited() {
  compute_exited_ = true;
  send_bye_when_free();
  finish_when_over();
}

void NodeSession::closed(LinkId link, const Closed& closed) {
  (link == upstream_link ? upstream_closed_ : downstream_closed_) = true;
  if (!closed.error.empty()) {
    fail(closed.error);
  } else if (link == downstream_link) {
    end_orderly(closed.bye_json);
  }
  finish_when_over();
}

void NodeSession::end_orderly(const std::string& bye) {
  if (!failure_.empty()) return;
  try {
    behind_ = parse_bye(bye);
  } catch (const Error& error) {
    const std::string peer = last() ? fmt::format("the head ({})", plan_->return_address)
                                    : stage_name(plan_->stage + 1, address_of(plan_->stage + 1));
    fail(fmt::format("{} broke the protocol: {}", peer, error.what()));
  }
  send_bye_when_free();
}

// With its bye a node says that it takes the next session.
void NodeSession::send_bye_when_free() {
  if (!behind_ || !compute_exited_ || !failure_.empty()) return;
  actions_.push_back(SendOwnBye{*std::exchange(behind_, std::nullopt)});
}

void NodeSession::fail(const std::string& error) {
  if (!failure_.empty()) return;
  failure_ = error;
  if (!upstream_closed_) actions_.push_back(FailLink{upstream_link, error});
  if (downstream_started_ && !downstream_closed_) {
    actions_.push_back(FailLink{downstream_link, error});
  }
  if (compute_started_) actions_.push_back(StopCompute{});
  finish_when_over();
}

void NodeSession::finish_when_over() {
  const bool compute_over = !compute_started_ || compute_exited_;
  if (over_ || !released() || !compute_over) return;
  over_ = true;
  actions_.push_back(LogLine{failure_.empty() ? fmt::format("session ended: {} images", images_)
                                              : fmt::format("session ended: {}", failure_)});
  actions_.push_back(SessionOver{});
}

}  // namespace quantring::net
