#pragma once
// The head's eye on its ring while it runs: keeps what the links' controllers decided, and tells
// the stages how fast the slowest of them computes.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "apps/compute_rate.h"
#include "apps/output_history.h"
#include "net/ring_head.h"

namespace quantring::apps {

class RingWatch {
 public:
  // Looks twice a second, on a thread of its own; `head` must outlive this object.
  RingWatch(net::RingHead& head, bool tell_compute_rate);
  ~RingWatch();
  RingWatch(const RingWatch&) = delete;
  RingWatch& operator=(const RingWatch&) = delete;

  // All that was seen, and `latest`: the exact counts once the ring has finished.
  OutputHistories histories(const net::RingStats& latest) const;

 private:
  void run();

  net::RingHead& head_;
  bool tell_;
  ComputeRate rate_;  // of the thread alone
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  OutputHistories histories_;
  std::thread thread_;  // last: it uses all the rest
};

}  // namespace quantring::apps
