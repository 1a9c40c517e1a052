#pragma once
// The head of a ring: sends the plan, feeds stage 0, receives the results of the last stage.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/wire/message.h"
#include "net/wire/stats.h"

namespace quantring::net {

struct HeadStage {
  std::string address;  // HOST:PORT or [IPv6]:PORT of its node, as its predecessor reaches it
  std::string work;     // JSON for the StageFactory there; opaque to the ring
};

struct HeadOptions {
  std::vector<HeadStage> stages;  // in ring order, at least one
  // Where the head listens for the last stage, HOST:PORT; port 0 takes a free one. Empty: any
  // address of the family (IPv4, IPv6) by which stage 0 was reached, and a free port.
  std::string listen;
  // Host that the last stage connects to; empty: the local address of the connection to stage 0.
  std::string advertise_host;
  std::uint64_t link_bits_per_second = 0;  // limit of the sender of every hop; 0: none
  // Frames of a hop that were sent and not consumed: bounds memory and the ring's latency.
  std::uint32_t credits = 4;
  std::chrono::seconds ready_timeout{180};  // for all stages to load
  // While a node is busy with a session that ends: how long to try again.
  std::chrono::milliseconds busy_patience{5000};
  // Called once when that is so, with one line that names the node and its head; may be empty.
  std::function<void(const std::string& line)> waits;
  std::string version = QUANTRING_VERSION;  // both ends of a hop must have the same
};

// Thread-safe: usually one thread submits and one receives. A lost stage, or a stage's error, makes
// every blocked and every later call of submit, next_result and finish throw Error with one line
// that names the stage, its address and the cause.
class RingHead {
 public:
  // Connects, sends the plan and returns when every stage is ready. Throws Error.
  explicit RingHead(HeadOptions options);
  // Without finish() before it, ends the session with an error and does not wait for results.
  ~RingHead();
  RingHead(const RingHead&) = delete;
  RingHead& operator=(const RingHead&) = delete;

  // Blocks while stage 0 has no room. Sets and returns the request id: 0, 1, 2 ... Throws Error
  // after close_input().
  std::uint64_t submit(Message&& message);
  // Blocks until submit would not: what is prepared then is as late as it can be.
  void wait_for_room();
  // Whether a frame is being written to stage 0 at this moment. Asks the thread of the network.
  bool sending() const;
  // As submit, but returns false without blocking when there is no room; `message` is then
  // unchanged. For a live source that drops pictures, and for a head with one thread.
  bool try_submit(Message& message);
  // Nothing more will be submitted. Does not block.
  void close_input();

  // Blocks for the next result, in order of submission; nullopt after close_input() and the last
  // result. Waits for a slow stage as long as its node is alive.
  std::optional<Message> next_result();
  // As next_result, but returns nullopt without blocking when there is no result yet.
  std::optional<Message> try_next_result();

  // Calls close_input(), waits until every node has ended the session, and returns exact counts.
  // Results that were not taken yet are kept for next_result.
  RingStats finish();
  // Latest statistics: of each stage at most half a second old per hop, of the head's own links
  // (`input`, `output`) a tenth of a second.
  RingStats stats() const;

  // Sends JSON of the app, at most 64 KiB, to the worker of every stage (StageWorker::instructed),
  // ahead of frames that are submitted later. Does not block; does nothing after the end of the
  // session. Throws Error when the JSON is too long.
  void instruct(const std::string& json);

  // Ends the session: blocked and later calls throw Error("the session was stopped"). Callable from
  // any thread and from signal handlers.
  void stop() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::net
