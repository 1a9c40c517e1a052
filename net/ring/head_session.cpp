#include "net/ring/head_session.h"

#include <fmt/format.h>

#include <utility>

#include "net/wire/address.h"
#include "ops/base/error.h"

namespace quantring::net {

HeadSession::HeadSession(const HeadOptions& options, std::uint64_t session)
    : options_(options), session_(session), stages_(options.stages.size()) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    stages_[i].stage = static_cast<int>(i);
    stages_[i].address = options.stages[i].address;
  }
}

std::vector<HeadAction> HeadSession::take_actions() {
  return std::exchange(actions_, {});
}

Hello HeadSession::own_hello() const {
  Hello hello;
  hello.version = options_.version;
  hello.session = session_;
  hello.role = Role::head;
  return hello;
}

void HeadSession::begin(Time now) {
  ready_deadline_ = now + options_.ready_timeout;
  const std::string& address = options_.stages[0].address;
  LinkConfig config;
  config.hello = own_hello();
  config.peer = stage_name(0, address);
  config.connect_hint = "is `quantring node` running there?";
  actions_.push_back(ConnectLink{stage0_link, std::move(config), parse_address(address),
                                 options_.link_bits_per_second});
}

void HeadSession::return_port_opened(const Address& address) {
  if (over_) return;
  Plan plan;
  plan.session = session_;
  for (const HeadStage& stage : options_.stages) plan.stages.push_back({stage.address, stage.work});
  plan.return_address = address_text(address);
  plan.link_bits_per_second = options_.link_bits_per_second;
  plan.credits = options_.credits;
  actions_.push_back(SendControl{stage0_link, ControlType::plan, plan_json(plan)});
}

std::optional<LinkId> HeadSession::connection_arrived() {
  if (over_ || ready_ || pending_.size() >= max_pending_connections) return std::nullopt;
  pending_.insert(next_link_);
  return next_link_++;
}

LinkConfig HeadSession::pending_config(const std::string& host) const {
  LinkConfig config;
  config.end = LinkEnd::receiver;
  config.data = FrameKind::result;
  config.hello.version = options_.version;
  config.peer = host;
  return config;
}

void HeadSession::hello_arrived(LinkId link, const Hello& hello) {
  if (over_) return;
  if (link != stage0_link) return return_hello(link, hello);
  actions_.push_back(OpenReturnPort{});
}

void HeadSession::return_hello(LinkId link, const Hello& hello) {
  const auto last = static_cast<int>(options_.stages.size()) - 1;
  if (hello.role != Role::stage || hello.session != session_ || hello.stage != last || return_) {
    actions_.push_back(FailLink{link, "this port waits for the last stage of another session"});
    return;
  }
  return_ = link;
  pending_.erase(link);
  actions_.push_back(RenameLink{link, stage_name(last, options_.stages.back().address)});
  actions_.push_back(AcceptLink{link, own_hello()});
  actions_.push_back(SendControl{link, ControlType::ready, {}});
  actions_.push_back(GrantCredit{link, options_.credits});
}

void HeadSession::control_arrived(LinkId link, const Control& control) {
  if (over_) return;
  if (link != stage0_link) return fail("the last stage sent the head a message for a stage");
  if (control.type == ControlType::stats) return keep_stats(control.json);
  if (control.type != ControlType::ready || ready_) return;
  if (!return_) {
    return fail("the ring reports that it is ready, but its last stage has not connected");
  }
  ready_ = true;
  close_return_port();
  actions_.push_back(RingReady{});
}

void HeadSession::keep_stats(const std::string& json) {
  try {
    StageStats stats = parse_stage_stats(json);
    const auto stage = static_cast<std::size_t>(stats.stage);
    if (stage >= stages_.size()) throw Error("a stage that is not in the ring");
    stages_[stage] = std::move(stats);
  } catch (const Error& error) {
    return fail(fmt::format("{} sent invalid statistics: {}",
                            stage_name(0, options_.stages[0].address), error.what()));
  }
  actions_.push_back(CountsChanged{});
}

void HeadSession::submit(Message&& message) {
  ++submitted_;
  actions_.push_back(SendMessage{stage0_link, std::move(message)});
}

void HeadSession::message_arrived(LinkId, Message&& message) {
  if (over_) return;
  if (results_ == submitted_) {
    return fail("the last stage sent a result for which there was no frame");
  }
  ++results_;
  actions_.push_back(ResultArrived{std::move(message)});
}

void HeadSession::consumed(std::uint32_t results) {
  if (!over_ && return_) actions_.push_back(GrantCredit{*return_, results});
}

void HeadSession::instruct(const std::string& json) {
  if (ready_ && !over_) actions_.push_back(SendInstruction{stage0_link, json});
}

void HeadSession::finish() {
  if (!may_submit()) return;
  finished_ = true;
  actions_.push_back(FinishLink{stage0_link});
}

void HeadSession::peer_finished(LinkId link) {
  if (over_) return;
  if (!finished_) return fail("the last stage ended the session before the head did");
  if (submitted_ != results_) {
    return fail(fmt::format("{} results arrived for {} frames", results_, submitted_));
  }
  results_ended_ = true;
  actions_.push_back(ResultsEnded{});
  actions_.push_back(SendBye{link, bye_json({})});
}

void HeadSession::tick(Time now) {
  if (over_) return;
  if (ready_) {
    actions_.push_back(CountsChanged{});  // of the head's own links
    return;
  }
  if (now < ready_deadline_) return;
  fail(fmt::format("the ring was not ready within {} s: a stage is still loading, see its log",
                   options_.ready_timeout.count()));
}

void HeadSession::closed(LinkId link, const Closed& closed) {
  if (link != stage0_link && link != return_) {
    pending_.erase(link);
    return;
  }
  if (!closed.error.empty()) return fail(closed.error);
  if (link != stage0_link || over_) return;
  keep_final_stats(closed.bye_json);
}

void HeadSession::keep_final_stats(const std::string& bye) {
  const std::string peer = stage_name(0, options_.stages[0].address);
  if (!results_ended_) {
    return fail(fmt::format("{} ended the session before the last result", peer));
  }
  try {
    std::vector<StageStats> stages = parse_bye(bye);
    if (stages.size() != stages_.size()) throw Error("a stage is missing in it");
    stages_ = std::move(stages);
  } catch (const Error& error) {
    return fail(fmt::format("{} sent an invalid goodbye: {}", peer, error.what()));
  }
  over_ = true;
  actions_.push_back(SessionDone{});
}

void HeadSession::fail(const std::string& error) {
  if (std::exchange(over_, true)) return;
  close_return_port();
  actions_.push_back(FailLink{stage0_link, error});
  if (return_) actions_.push_back(FailLink{*return_, error});
  actions_.push_back(SessionFailed{error});
}

void HeadSession::close_return_port() {
  actions_.push_back(CloseReturnPort{});
  for (const LinkId link : std::exchange(pending_, {})) {
    actions_.push_back(FailLink{link, "this port accepts no more connections"});
  }
}

}  // namespace quantring::net
