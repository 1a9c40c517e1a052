#pragma once
// Ends a session that takes too long.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "net/ring/ring_head.h"

namespace quantring::apps {

// Unless it is destroyed before, stops the head after this time: its calls then throw.
class TimeLimit {
 public:
  TimeLimit(net::RingHead& head, std::chrono::milliseconds limit)
      : thread_([this, &head, limit] {
          std::unique_lock lock(mutex_);
          if (!changed_.wait_for(lock, limit, [this] { return over_; })) head.stop();
        }) {}
  ~TimeLimit() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;  // last: it uses all the rest
};

}  // namespace quantring::apps
