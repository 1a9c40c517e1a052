#pragma once
// The compute side of a stage: one thread that makes the worker, takes frames from a queue, and
// puts results in another. Both queues are bounded: the input by the credits that were granted, the
// output by max_output, so a slow successor stops the compute and with it the credits. In between,
// up to the worker's depth() frames are under way. No socket here.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "net/message.h"
#include "net/ring_node.h"
#include "net/stats.h"

namespace quantring::net {

class ComputeLane {
 public:
  static constexpr std::size_t max_output = 2;

  // Called on the compute thread. `exited` is the last; the thread touches nothing after it.
  struct Events {
    std::function<void()> ready;                     // the worker is made
    std::function<void()> taken;                     // a frame left the input queue
    std::function<void()> produced;                  // there is output, or `drained` became true
    std::function<void(const std::string&)> failed;  // the worker threw; the thread is about to end
    std::function<void()> exited;
  };

  ComputeLane(StageFactory factory, std::string work, int stage, int stages, Events events);
  ~ComputeLane();  // stops, and waits for the call of the worker that is under way
  ComputeLane(const ComputeLane&) = delete;
  ComputeLane& operator=(const ComputeLane&) = delete;

  // From the I/O thread; none of these waits.
  void push(Message&& message);
  bool has_output() const;
  std::optional<Message> pop();
  void close_input();    // after the last push
  bool drained() const;  // input was closed, all is computed and popped
  void stop();  // ends after the call of the worker that is under way; what it has is dropped
  void instruct(const std::string& json);  // for StageWorker::instructed, before the next frame
  void set_output_stats(const LinkStats& stats);  // for StageWorker::observe_output
  StageStats stats() const;                       // only the compute's own fields

 private:
  void run(const std::string& work, int stage, int stages);
  void serve(StageWorker& worker);
  void submit_one(StageWorker& worker, Message& in);
  bool collect_one(StageWorker& worker);             // false: stopped
  bool next_input(Message& message, bool may_wait);  // false: none now; if it may wait, no more
  bool put_output(Message&& message);                // false: stopped
  bool stopping() const;
  void refresh_app_stats(StageWorker& worker);

  // A frame that the worker has.
  struct UnderWay {
    std::uint64_t request_id;
    std::uint32_t images;
  };

  StageFactory factory_;
  Events events_;
  std::deque<UnderWay> under_way_;  // of the compute thread alone, oldest first
  mutable std::mutex mutex_;
  std::condition_variable input_changed_, output_changed_;
  std::deque<Message> input_, output_;
  bool input_closed_ = false, computed_all_ = false, stopping_ = false;
  LinkStats output_stats_;
  std::optional<std::string> instruction_;
  StageStats stats_;
  std::thread thread_;  // last: it uses all the rest
};

}  // namespace quantring::net
