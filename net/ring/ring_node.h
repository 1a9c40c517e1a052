#pragma once
// A node: waits for a head, runs one stage of its ring, and waits for the next head.

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
// A worker may have several frames under way: while a GPU computes one, the next is copied to it.
// It may be destroyed with frames that were submitted and not collected.
class StageWorker {
 public:
  virtual ~StageWorker() = default;

  // How many frames may be submitted and not yet collected, at least 1. Asked for once.
  virtual int depth() const { return 1; }

  // Takes one frame, which may be taken apart. Need not wait until it is computed. Never called
  // with depth() frames under way. An exception ends the session; the head sees its text with this
  // stage's number and address. While an earlier result waits for the link it is called all the
  // same.
  virtual void submit(Message& in) = 0;

  // The result of the oldest frame under way, waiting for it: fill codec, bits, shape, scale,
  // offset and payload of the empty `out`; its request_id is set by the ring. Called only when at
  // most one frame is still before it, the one that is being sent: what is coded here is coded
  // late. Exceptions as in submit.
  virtual void collect(Message& out) = 0;

  // What RingHead::instruct was given, between frames; of several that came meanwhile the last.
  virtual void instructed(const std::string& json) { static_cast<void>(json); }

  // Called before each submit and each collect with the state of the link that the output will
  // take, at most a tenth of a second old: what a controller of the bit width needs.
  virtual void observe_output(const LinkStats&) {}

  // Asked for at most twice a second and once at the end: own key/values as a JSON object, or ""
  // for none. Reaches the head as StageStats::app_json; longer than 2 KiB is left out.
  virtual std::string stats_json() { return {}; }
};

// Makes the worker of a session out of the plan's entry for this stage. Runs on the compute thread
// and may take long (model loading): heartbeats go on meanwhile. An exception refuses the session,
// and the head sees its text with this stage's number and address.
using StageFactory = std::function<std::unique_ptr<StageWorker>(const std::string& work_json,
                                                                int stage, int stages)>;

// One line of what happened, no newline. Called on the node's own threads, never two at once.
using EventLog = std::function<void(std::string line)>;

struct NodeOptions {
  std::string listen = "0.0.0.0:7710";      // HOST:PORT, [IPv6]:PORT; port 0 takes a free one
  std::vector<std::uint8_t> codecs;         // ids that the worker can decode; sent in the hello
  std::string version = QUANTRING_VERSION;  // both ends of a hop must have the same
  // About once a second, on the loop that serves the connections: when it hangs, the calls stop.
  std::function<void()> alive;
};

class RingNode {
 public:
  // Listens at once. Throws Error when the address cannot be listened on.
  RingNode(NodeOptions options, StageFactory factory, EventLog log);
  ~RingNode();
  RingNode(const RingNode&) = delete;
  RingNode& operator=(const RingNode&) = delete;

  std::uint16_t port() const;  // the real one, also when the options said 0

  // Serves sessions on the calling thread until stop(). A session's failure is logged and never
  // ends run(). A frame that is being computed is waited for.
  void run();

  // Ends the session (its head gets an error naming this stage) and then run(). From any thread and
  // from signal handlers; also before run().
  void stop() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::net
