#include "apps/session/ring/ring_watch.h"

#include <chrono>

#include "apps/session/node/adaptive_output.h"

namespace quantring {

RingWatch::RingWatch(net::RingHead& head, bool send_compute_rate)
    : head_(head), send_(send_compute_rate), thread_([this] { run(); }) {}

RingWatch::~RingWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void RingWatch::expect_rate(double images_per_s) {
  const std::lock_guard lock(mutex_);
  expected_rate_ = images_per_s;
}

OutputHistories RingWatch::histories(const net::RingStats& latest) const {
  const std::lock_guard lock(mutex_);
  OutputHistories histories = histories_;
  add_report(histories, latest);
  return histories;
}

void RingWatch::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const net::RingStats stats = head_.stats();
    add_report(histories_, stats);
    if (const auto rate = rate_.update(stats, expected_rate_); rate && send_) {
      head_.instruct(compute_rate_instruction(*rate));
    }
    changed_.wait_for(lock, std::chrono::milliseconds(500), [this] { return stopping_; });
  }
}

}  // namespace quantring
