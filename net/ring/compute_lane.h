#pragma once
// The compute side of a stage: one thread that makes the worker, takes frames from an input queue
// and puts results in an output queue. Both are bounded: the input by the granted credits, the
// output to one, so a slow successor stops the compute and with it the credits. In between, up to
// the worker's depth() frames are in flight. No socket here.
//
// A frame is coded as late as possible without a pause on the link, so that the latest measurement
// of the link is used: while one frame is being sent, one coded frame waits behind it. A worker
// that codes in collect() is called only when the output has room; one that codes in submit() (a
// GPU's, which enqueues it) has at most depth() coded frames, waiting ones included.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "net/ring/ring_node.h"
#include "net/wire/message.h"
#include "net/wire/stats.h"

namespace quantring::net {

class ComputeLane {
 public:
  // Called on the compute thread. `exited` is the last.
  struct Events {
    std::function<void()> ready;                     // the worker is made
    std::function<void()> taken;                     // a frame left the input queue
    std::function<void()> produced;                  // there is output, or drained() became true
    std::function<void(const std::string&)> failed;  // the worker threw; the thread is about to end
    std::function<void()> exited;
  };

  // turn: held from before the worker is made until it is gone, so that of several lanes only one
  // has a worker; may be null.
  ComputeLane(StageFactory factory, std::string work, int stage, int stages, Events events,
              std::mutex* turn = nullptr);
  ~ComputeLane();  // stops, and waits for the current call of the worker
  ComputeLane(const ComputeLane&) = delete;
  ComputeLane& operator=(const ComputeLane&) = delete;

  // From the I/O thread; none of these blocks.
  void push(Message&& message);
  bool has_output() const;
  std::optional<Message> pop();
  void close_input();    // after the last push
  bool drained() const;  // input was closed, everything is computed and popped
  void stop();           // ends after the current call of the worker; frames in flight are dropped
  void instruct(const std::string& json);  // for StageWorker::instructed, before the next frame
  void set_output_stats(const LinkStats& stats);  // for StageWorker::observe_output
  StageStats stats() const;                       // only the fields of the compute

 private:
  void run(const std::string& work, int stage, int stages);
  void make_and_serve(const std::string& work, int stage, int stages);
  bool stopping() const;
  void serve(StageWorker& worker);
  void submit_one(StageWorker& worker, Message& in);
  void collect_one(StageWorker& worker);             // only when the output has room
  bool next_input(Message& message, bool may_wait);  // false: none now; after waiting: no more
  bool wait_for_room();     // in the output, or for an input that may be submitted; false: stopped
  bool may_submit() const;  // under mutex_
  void update_worker(StageWorker& worker);
  void refresh_app_stats(StageWorker& worker);

  // A frame that the worker has.
  struct InFlight {
    std::uint64_t request_id;
    std::uint32_t images;
  };

  StageFactory factory_;
  Events events_;
  std::mutex* turn_;
  std::size_t depth_ = 1;           // these two: compute thread only
  std::deque<InFlight> in_flight_;  // oldest first
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // only the compute thread waits
  std::deque<Message> input_;
  std::optional<Message> output_;
  bool input_closed_ = false, computed_all_ = false, stopping_ = false;
  LinkStats output_stats_;
  std::optional<std::string> instruction_;
  StageStats stats_;
  std::thread thread_;  // last: it uses all the rest
};

}  // namespace quantring::net
