#pragma once
// A time limit for a ring session.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "net/ring/ring_head.h"

namespace quantring::apps {

// Stops the head after this time unless destroyed before; calls of the head then throw.
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
  std::thread thread_;  // last: it uses the other members
};

}  // namespace quantring::apps
