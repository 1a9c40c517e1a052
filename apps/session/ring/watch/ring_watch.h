#pragma once
// Watches a ring while it runs: collects the decisions of the links' controllers, tells the stages
// what their links should carry, and the head's sender how to code its pixels.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "apps/session/ring/pixel_packer.h"
#include "apps/session/ring/watch/link_targets.h"
#include "apps/session/ring/watch/output_history.h"
#include "apps/session/ring/watch/ring_links.h"
#include "net/ring/ring_head.h"

namespace quantring {

class RingWatch {
 public:
  // Polls twice a second on a thread of its own; `head` and `packer` must outlive this object.
  RingWatch(net::RingHead& head, PixelPacker& packer, LinkTargets targets);
  ~RingWatch();
  RingWatch(const RingWatch&) = delete;
  RingWatch& operator=(const RingWatch&) = delete;

  // Images a second that arrive at most; 0: not known.
  void expect_rate(double images_per_s);

  // All reports so far and `latest`, which has the exact counts once the ring has finished.
  OutputHistories histories(const net::RingStats& latest) const;
  RingLimit limit() const;
  // Of the head's link as last known: an idle link measures nothing.
  LinkCapacity input_capacity() const;

 private:
  void run();

  net::RingHead& head_;
  PixelPacker& packer_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  double expected_rate_ = 0;
  LinkTargets targets_;
  LinkCapacity input_capacity_;
  OutputHistories histories_;
  std::thread thread_;  // last: it uses all the rest
};

}  // namespace quantring
