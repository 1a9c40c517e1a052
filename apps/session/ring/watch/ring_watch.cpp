#include "apps/session/ring/watch/ring_watch.h"

#include <chrono>
#include <utility>

namespace quantring {

RingWatch::RingWatch(net::RingHead& head, PixelPacker& packer, LinkTargets targets)
    : head_(head), packer_(packer), targets_(std::move(targets)), thread_([this] { run(); }) {}

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

RingLimit RingWatch::limit() const {
  const std::lock_guard lock(mutex_);
  return targets_.limit();
}

LinkCapacity RingWatch::input_capacity() const {
  const std::lock_guard lock(mutex_);
  return input_capacity_;
}

void RingWatch::run() {
  const auto begin = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const net::RingStats stats = head_.stats();
    add_report(histories_, stats);
    const std::chrono::duration<double> now = std::chrono::steady_clock::now() - begin;
    // What was measured says more than a lower bound of later, when the link was not full.
    const bool says_less = stats.input.capacity != net::Capacity::measured &&
                           stats.input.capacity_bps <= input_capacity_.bps;
    if (!says_less) input_capacity_ = {stats.input.capacity, stats.input.capacity_bps};
    targets_.update(stats, expected_rate_, packer_.link(), now.count());
    if (const auto news = targets_.news()) head_.instruct(*news);
    if (const auto pixels = targets_.pixels()) packer_.choose(*pixels, targets_.pixels_capacity());
    changed_.wait_for(lock, std::chrono::milliseconds(500), [this] { return stopping_; });
  }
}

}  // namespace quantring
