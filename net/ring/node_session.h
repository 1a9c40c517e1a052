#pragma once
// A node's side of a ring's session, from a hello to the goodbye, as a state machine: no socket,
// thread, timer or clock. The owner reports what happened on the two links and in the compute lane,
// and when, and performs the actions that it takes out. A link reports only what its protocol
// allows (net/hop/link.h). Not thread-safe. Internal to net.
//
//   begin                    -> the upstream hello is answered
//   plan from upstream       -> StartCompute, ConnectLink downstream
//   hello from downstream    -> the plan is passed on
//   compute_ready, and ready from downstream -> ready and credit to upstream
//   message -> ComputeFrame; input_taken -> credit; output -> SendMessage
//   finish from upstream     -> CloseComputeInput; output_drained -> finish downstream
//   bye from downstream, compute_exited -> SendOwnBye to upstream: then the node is free
//   both links closed, compute_exited -> SessionOver
// Any error, from a peer, of a link or of the compute: both links are failed with it, the compute
// is stopped, and SessionOver follows when both links are closed and the compute has exited. The
// next session may begin before that, when both links are closed (released): its compute waits.
//
// A session has one plan; a machine that takes the next plan under way begins at take_plan.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/ring/session_actions.h"

namespace quantring::net {

struct StartCompute {
  std::string work;  // of the plan, for the StageFactory
  int stage, stages;
};
struct ComputeFrame {
  Message message;
};
struct InstructCompute {
  std::string json;
};
struct CloseComputeInput {};
struct StopCompute {};   // what is under way is dropped
struct SendOwnStats {};  // control message `stats` to upstream, with the owner's counts
struct SendOwnBye {
  std::vector<StageStats> behind;  // of the stages behind this one; its own go in front
};
struct LogLine {
  std::string line;
};
struct SessionOver {};  // the last action
using NodeAction =
    std::variant<ConnectLink, LinkAction, StartCompute, ComputeFrame, InstructCompute,
                 CloseComputeInput, StopCompute, SendOwnStats, SendOwnBye, LogLine, SessionOver>;

struct NodeIdentity {
  std::string listen;   // address that the node listens on
  std::string version;  // of the software
};

class NodeSession {
 public:
  static constexpr LinkId upstream_link = 0, downstream_link = 1;

  // Why a node refuses a connection with this hello; empty: a session may begin. current: the
  // session that the node has, or nothing.
  static std::string refusal(const Hello& hello, const NodeSession* current);
  static LinkConfig pending_config(const std::string& version, const std::string& host);

  // hello: of the upstream link. client: host that it came from.
  NodeSession(NodeIdentity identity, const Hello& hello, std::string client);

  void begin(Time now);
  void hello_arrived(LinkId link, const Hello& hello);
  void control_arrived(LinkId link, const Control& control);
  void message_arrived(LinkId link, Message&& message);
  void peer_finished(LinkId link);
  void closed(LinkId link, const Closed& closed);
  void tick(Time now);  // ten times a second

  void compute_ready();
  void input_taken();  // the compute has taken a frame from its input
  bool may_output() const;
  void output(Message&& message);  // only when may_output, and the downstream link may submit
  void output_drained();           // the input was closed, and all output was taken
  void compute_failed(const std::string& error);
  void compute_exited();

  void fail(const std::string& error);

  std::vector<NodeAction> take_actions();

  // Both links are closed: no head is there any more.
  bool released() const { return upstream_closed_ && (!downstream_started_ || downstream_closed_); }

  bool failed() const { return !failure_.empty(); }

  // "stage 1 (10.0.0.12:7710)"; before the plan with the address that the node listens on.
  std::string own_name() const;
  const std::string& client() const { return client_; }
  void label(StageStats& stats) const;  // sets stage, address and version; after the plan

 private:
  void take_plan(const std::string& json);
  void connect_downstream();
  void announce_when_ready();
  void end_orderly(const std::string& bye);
  void send_bye_when_free();
  void finish_when_over();
  Hello own_hello(Role role) const;
  bool last() const { return plan_->stage + 1 == static_cast<int>(plan_->stages.size()); }
  int expected_stage() const { return hello_.role == Role::head ? 0 : hello_.stage + 1; }
  const std::string& address_of(int stage) const;

  const NodeIdentity identity_;
  const Hello hello_;
  const std::string client_;
  std::vector<NodeAction> actions_;
  std::optional<Plan> plan_;
  Time plan_deadline_{}, next_stats_{};
  std::uint64_t images_ = 0;
  bool compute_started_ = false, compute_ready_ = false, compute_exited_ = false;
  bool downstream_started_ = false, downstream_ready_ = false;
  bool announced_ = false;  // ready was sent to upstream
  bool finishing_ = false;  // finish was sent downstream
  bool upstream_closed_ = false, downstream_closed_ = false, over_ = false;
  std::optional<std::vector<StageStats>> behind_;  // of downstream's bye, until ours is sent
  std::string failure_;
};

}  // namespace quantring::net
