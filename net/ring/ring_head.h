#pragma once
// The head of a ring: sends the plan, feeds stage 0, receives the results of the last stage.

#include <chrono>
#include <cstdint>
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
  // Where the last stage connects back, HOST:PORT; port 0 takes a free one. Empty: any address of
  // the kind (IPv4, IPv6) by which stage 0 was reached, and a free port.
  std::string listen;
  // Host that the last stage is told; empty: the local address of the connection to stage 0.
  std::string advertise_host;
  std::uint64_t link_bits_per_second = 0;  // pace of the sending side of every hop; 0: none
  // Frames that each hop may have sent and not yet consumed: bounds memory and the ring's latency.
  std::uint32_t credits = 4;
  std::chrono::seconds ready_timeout{180};  // for all stages to load
  std::vector<std::uint8_t> codecs;         // ids that the head can decode (results)
  std::string version = QUANTRING_VERSION;  // both ends of a hop must have the same
};

// Every function may be called from any thread, at the same time: usually one thread feeds and one
// receives. A lost stage, or a stage's error, makes every blocked and every later call of submit,
// next_result and finish throw Error with one line that names the stage, its address and the cause.
class RingHead {
 public:
  // Connects, sends the plan and returns when every stage is ready. Throws Error.
  explicit RingHead(HeadOptions options);
  // Without finish() before it, tells the ring that the session is over and waits for nothing.
  ~RingHead();
  RingHead(const RingHead&) = delete;
  RingHead& operator=(const RingHead&) = delete;

  // Blocks while stage 0 has no room. Sets and returns the request id: 0, 1, 2 ... Calls from
  // several threads are ordered by arrival. Throws Error after close_input().
  std::uint64_t submit(Message&& message);
  // As submit, but false at once when there is no room; `message` is then untouched. For a live
  // source that would rather drop a picture, and for a head with one thread.
  bool try_submit(Message& message);
  // Nothing more will be submitted. Returns at once.
  void close_input();

  // Blocks for the next result, in order of submission; nothing after close_input() when the last
  // has been given. A stage that computes long is waited for as long as its node lives.
  std::optional<Message> next_result();
  // As next_result, but nothing at once when no result is there.
  std::optional<Message> try_next_result();

  // close_input(), waits until every node has said goodbye, and returns exact counts. Results that
  // nobody has taken yet are kept for next_result.
  RingStats finish();
  // The latest that each stage reported, at most half a second old per hop; of the head's own ends
  // of `input` and `output`, a tenth.
  RingStats stats() const;

  // Has every stage's worker told the same app's JSON, at most 64 KiB, when it comes to it
  // (StageWorker::instructed). Returns at once; after the end of the session it does nothing.
  // Throws Error when the JSON is too long.
  void instruct(const std::string& json);

  // Gives up: blocked and later calls throw Error("the session was stopped"). From any thread and
  // from signal handlers.
  void stop() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::net
