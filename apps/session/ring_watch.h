#pragma once
// The head's eye on its ring while it runs: keeps what the links' controllers decided, and tells
// the stages how fast a link has to be: as the slowest of them computes, or as images come.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "apps/session/compute_rate.h"
#include "apps/session/output_history.h"
#include "net/ring/ring_head.h"

namespace quantring {

class RingWatch {
 public:
  // Looks twice a second, on a thread of its own; `head` must outlive this object.
  RingWatch(net::RingHead& head, bool tell_compute_rate);
  ~RingWatch();
  RingWatch(const RingWatch&) = delete;
  RingWatch& operator=(const RingWatch&) = delete;

  // So many images come in a second, at most, which is less than the stages may compute; 0: not
  // known.
  void expect_rate(double images_per_s);

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
  double expected_rate_ = 0;
  OutputHistories histories_;
  std::thread thread_;  // last: it uses all the rest
};

}  // namespace quantring
