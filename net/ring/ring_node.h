#pragma once
// A node: waits for a head, runs one stage of its ring, then waits for the next head.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/wire/message.h"
#include "net/wire/stats.h"

namespace quantring::net {

// The compute of one stage in one session. Every function is called on the node's compute thread.
//
// A worker may have several frames in flight: while a GPU computes one, the next is copied to it.
// It may be destroyed with frames that were submitted and not collected.
class StageWorker {
 public:
  virtual ~StageWorker() = default;

  // How many frames may be submitted and not yet collected, at least 1. Called once.
  virtual int depth() const { return 1; }

  // Takes one frame; may move its payload. Need not wait until it is computed. Never called with
  // depth() frames in flight; may be called while an earlier result waits for the link. An
  // exception ends the session; the head gets its text with this stage's number and address.
  virtual void submit(Message& in) = 0;

  // Waits for the result of the oldest frame in flight: fill images and payload of the
  // empty `out`; the ring sets its request_id. Called only when at most one frame is
  // ahead of it, the one that is being sent. Exceptions as in submit.
  virtual void collect(Message& out) = 0;

  // JSON of RingHead::instruct, between frames; of several since the last call only the latest.
  virtual void instructed(const std::string& json) { static_cast<void>(json); }

  // Called before each submit and each collect with the state of the output's link, at most a tenth
  // of a second old: input of the controller of the bit width.
  virtual void observe_output(const LinkStats&) {}

  // Called at most twice a second and once at the end: a JSON object with statistics of the app, or
  // "". Reaches the head as StageStats::app_json; dropped when longer than 2 KiB.
  virtual std::string stats_json() { return {}; }
};

// Makes the worker of a session from the plan's entry for this stage. Runs on the compute thread
// and may take long (model loading); heartbeats continue. An exception refuses the session, and the
// head gets its text with this stage's number and address.
using StageFactory = std::function<std::unique_ptr<StageWorker>(const std::string& work_json,
                                                                int stage, int stages)>;

// Logs one line, without newline. Called on the node's threads, never concurrently.
using EventLog = std::function<void(std::string line)>;

// Counts since the node began.
struct NodeState {
  std::uint64_t sessions = 0, failed_sessions = 0;
  bool busy = false;   // a session is under way
  std::string client;  // busy: host that it came from
  int stage = -1;      // busy, after the plan
  std::uint64_t images = 0;
  double compute_s = 0;
  std::uint64_t received_bytes = 0, sent_bytes = 0;  // with headers
};

struct NodeOptions {
  std::string listen = "0.0.0.0:7710";      // HOST:PORT, [IPv6]:PORT; port 0 takes a free one
  std::string version = QUANTRING_VERSION;  // both ends of a hop must have the same
  // Called about once a second on the I/O loop, for a watchdog: when the loop hangs, calls stop.
  std::function<void()> alive;
  std::function<void(const NodeState&)> state;  // as often, on the same thread
};

class RingNode {
 public:
  // Begins to listen. Throws Error when it cannot listen on the address.
  RingNode(NodeOptions options, StageFactory factory, EventLog log);
  ~RingNode();
  RingNode(const RingNode&) = delete;
  RingNode& operator=(const RingNode&) = delete;

  std::uint16_t port() const;  // the actual one when the options have 0

  // Serves sessions on the calling thread until stop(). A failed session is logged and does not end
  // run(). Waits for a frame that is being computed.
  void run();

  // Ends the session (its head gets an error naming this stage) and then run(). Callable from any
  // thread and from signal handlers, also before run().
  void stop() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::net
