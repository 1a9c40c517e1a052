#pragma once
// SIGINT and SIGTERM end a run in order.

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace quantring::apps {

// The first signal ends the run in order, the second at once, should the order take too long. So
// does the first while there is no run to end: connecting may take minutes.
class EndSignals {
 public:
  // Before there are threads, so that all of them leave these signals to this one. noticed: called
  // first, on a thread of this object; may be empty.
  explicit EndSignals(std::function<void()> noticed = {});
  ~EndSignals();
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  // The first that came; 0: none.
  int signal() const { return signal_; }

  // While it lives, a signal calls stop, on a thread of EndSignals.
  class Watch {
   public:
    Watch(EndSignals& signals, std::function<void()> stop);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    EndSignals& signals_;
  };

 private:
  void wait();

  std::function<void()> noticed_, stop_;
  std::atomic<bool> over_{false};
  std::atomic<int> signal_{0};
  std::mutex mutex_;  // over stop_
  std::thread thread_;
};

}  // namespace quantring::apps
