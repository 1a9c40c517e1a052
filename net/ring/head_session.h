#pragma once
// The head's side of a ring's session, as a state machine: no socket, thread, timer or clock. The
// owner reports what happened on which link, and when, and performs the actions that it takes out.
// A link reports only what its protocol allows (net/hop/link.h). Not thread-safe. Internal to net.
//
//   begin                 -> ConnectLink to stage 0
//   hello of stage 0      -> OpenReturnPort; return_port_opened -> plan to stage 0
//   connection_arrived    -> a pending connection; the last stage's hello makes it the return link
//   ready from stage 0    -> RingReady; the return port is closed
//   submit, message       -> SendMessage, ResultArrived
//   finish                -> stage 0 finishes; the last stage finishes -> ResultsEnded, bye
//   bye of stage 0        -> SessionDone
// Any error, from a peer or of a link: every link is failed with it -> SessionFailed.
//
// A session is one plan from its hello to its goodbye. Frames that have no result yet are those
// between submit and message: a machine that changes the plan under way keeps them here.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "net/ring/ring_head.h"
#include "net/ring/session_actions.h"

namespace quantring::net {

struct OpenReturnPort {};   // the owner calls return_port_opened or fail
struct CloseReturnPort {};  // no connection is accepted any more
struct RingReady {};        // every stage can compute
struct ResultArrived {
  Message message;  // the owner calls consumed when the app has taken it
};
struct ResultsEnded {};
struct CountsChanged {};
struct SessionDone {};  // every node said goodbye; the last action
struct SessionFailed {  // the last action
  std::string error;
};
using HeadAction =
    std::variant<ConnectLink, LinkAction, OpenReturnPort, CloseReturnPort, RingReady, ResultArrived,
                 ResultsEnded, CountsChanged, SessionDone, SessionFailed>;

class HeadSession {
 public:
  static constexpr LinkId stage0_link = 0;

  HeadSession(const HeadOptions& options, std::uint64_t session);

  void begin(Time now);
  void return_port_opened(const Address& address);  // as the last stage reaches it
  // A connection at the return port; nothing: too many are pending, close it.
  std::optional<LinkId> connection_arrived();
  LinkConfig pending_config(const std::string& host) const;  // for that connection

  void hello_arrived(LinkId link, const Hello& hello);
  void control_arrived(LinkId link, const Control& control);
  void message_arrived(LinkId link, Message&& message);
  void peer_finished(LinkId link);
  void closed(LinkId link, const Closed& closed);
  void tick(Time now);  // ten times a second

  bool may_submit() const { return ready_ && !over_ && !finished_; }
  void submit(Message&& message);  // only when may_submit, and the link to stage 0 may submit
  void consumed(std::uint32_t results);
  void instruct(const std::string& json);  // nothing unless the ring is ready
  void finish();                           // after the last submit
  void fail(const std::string& error);

  std::vector<HeadAction> take_actions();

  bool over() const { return over_; }
  std::optional<LinkId> return_link() const { return return_; }
  const std::vector<StageStats>& stages() const { return stages_; }  // as last reported

 private:
  Hello own_hello() const;
  void return_hello(LinkId link, const Hello& hello);
  void keep_stats(const std::string& json);
  void keep_final_stats(const std::string& bye);
  void close_return_port();

  const HeadOptions options_;
  const std::uint64_t session_;
  std::vector<HeadAction> actions_;
  Time ready_deadline_{};
  std::optional<LinkId> return_;
  std::set<LinkId> pending_;  // connections without a valid hello
  LinkId next_link_ = stage0_link + 1;
  std::vector<StageStats> stages_;
  std::uint64_t submitted_ = 0, results_ = 0;
  bool ready_ = false, finished_ = false, results_ended_ = false, over_ = false;
};

}  // namespace quantring::net
