#pragma once
// A whole ring in one thread and in simulated time: the session machines of head and nodes, joined
// by links over wires in memory. A caller decides what happens next, so that any order can be
// tried. No doctest here: a fuzz target uses it too.

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/ring/head_session.h"
#include "net/ring/node_session.h"
#include "tests/net/ring/simulated_link.h"

namespace quantring::net {

constexpr int head_index = -1, no_owner = -2;

struct SimCompute {
  bool started = false, ready = false, stopped = false, exited = false, input_closed = false;
  std::deque<Message> input;
  std::optional<Message> output;
  std::vector<std::string> instructions;
};

struct SimNode {
  std::string address, log;
  bool mute = false;          // unresponsive: it accepts connections and never answers
  bool loads = false;         // its compute does not get ready
  std::string compute_error;  // when not empty, the next thing that the compute does is to fail
  std::optional<NodeSession> session;
  int ending = 0;  // computes of released sessions that still have their last frame
  SimEnd *upstream = nullptr, *downstream = nullptr;
  SimCompute compute;
};

class SimRing {
 public:
  explicit SimRing(int stages, std::uint32_t credits = 2);

  void begin();

  // What may happen next, apart from time and the app. Each does one thing and all that follows
  // from it at once.
  struct Step {
    SimEnd* end = nullptr;    // its oldest frame, or its end, arrives at the peer
    SimNode* node = nullptr;  // or: its compute does the next thing
  };
  std::vector<Step> steps();

  void take(const Step& step);

  // All that can happen without time and the app, oldest connection first.
  void run();

  void pass(std::chrono::milliseconds span);

  bool may_submit();
  void submit(std::uint8_t value);
  void consume();
  void finish();
  void fail(const std::string& error);
  void stop_node(SimNode& node);

  // Both ends notice at once (reset), or only by the silence.
  void lose(SimEnd& end, bool silent);

  // A connection that belongs to no ring; its own end has no owner.
  SimEnd* intruder_at(int owner, bool mute = false);
  void arrive(SimEnd& at, Frame&& frame);

  // Reports what the links have to report and performs what the machines ask for, until there is
  // nothing left.
  void settle();

  SimEnd* head_end(LinkId id);
  bool ended() const { return done + static_cast<int>(errors.size()) > 0; }
  // Empty: everything is over and closed, as it must be in the end.
  std::string unfinished() const;

  Time now{};
  HeadOptions options;
  std::optional<HeadSession> head;
  std::map<LinkId, SimEnd*> head_ends;
  std::vector<std::unique_ptr<SimNode>> nodes;
  std::vector<std::unique_ptr<SimEnd>> ends;
  bool refuse_return_port = false;  // the head cannot listen

  // What the head's owner saw, and what should not have been.
  int ready = 0, results_ended = 0, done = 0;
  bool port_open = false;
  std::uint64_t submitted = 0;
  std::vector<Message> results;
  std::vector<std::string> errors, violations;

 private:
  void violated(const std::string& what) { violations.push_back(what); }

  SimEnd* add_end(LinkConfig config, int owner);
  void connect_to(SimEnd& from, int owner);
  SimEnd* connect(ConnectLink& action, int owner);
  void deliver(SimEnd& from);
  static bool compute_may_step(const SimNode& node);
  void compute_step(SimNode& node);

  // As NodeDriver::pump.
  bool pump(SimNode& node);

  void report(SimEnd& end, Action& action);
  void report_to_node(SimEnd& end, Action& action);

  void perform_head(ConnectLink& action) { head_ends[action.link] = connect(action, head_index); }
  void perform_head(LinkAction& action);
  void perform_head(OpenReturnPort&);
  void perform_head(CloseReturnPort&) { port_open = false; }
  void perform_head(RingReady&) { ++ready; }
  void perform_head(ResultArrived& action);
  void perform_head(ResultsEnded&) { ++results_ended; }
  void perform_head(CountsChanged&) {}
  void perform_head(SessionDone&) { ++done; }
  void perform_head(SessionFailed& action) { errors.push_back(action.error); }

  void perform_node(int index, ConnectLink& action);
  void perform_node(int index, LinkAction& action);
  void perform_node(int index, StartCompute& action);
  void perform_node(int index, ComputeFrame& action);
  void perform_node(int index, InstructCompute& action);
  void perform_node(int index, CloseComputeInput&);
  void perform_node(int index, StopCompute&);
  void perform_node(int index, SendOwnStats&);
  void perform_node(int index, SendOwnBye& action);
  void perform_node(int index, LogLine& action);
  void perform_node(int index, SessionOver&);
};

}  // namespace quantring::net
