#pragma once
// Watches a ring while it runs: collects the decisions of the links' controllers, and sends the
// stages the rate that links should sustain: the slowest stage's, or that of arriving images.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "apps/session/ring/compute_rate.h"
#include "apps/session/ring/output_history.h"
#include "net/ring/ring_head.h"

namespace quantring {

class RingWatch {
 public:
  // Polls twice a second on a thread of its own; `head` must outlive this object.
  RingWatch(net::RingHead& head, bool send_compute_rate);
  ~RingWatch();
  RingWatch(const RingWatch&) = delete;
  RingWatch& operator=(const RingWatch&) = delete;

  // Images a second that arrive at most; 0: not known.
  void expect_rate(double images_per_s);

  // All reports so far and `latest`, which has the exact counts once the ring has finished.
  OutputHistories histories(const net::RingStats& latest) const;

 private:
  void run();

  net::RingHead& head_;
  bool send_;
  ComputeRate rate_;  // of the thread alone
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  double expected_rate_ = 0;
  OutputHistories histories_;
  std::thread thread_;  // last: it uses all the rest
};

}  // namespace quantring
