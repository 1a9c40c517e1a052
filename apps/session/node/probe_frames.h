#pragma once
// The test frames that measure the links of a ring.

#include <cstddef>
#include <vector>

#include "net/wire/message.h"
#include "net/wire/stats.h"

namespace quantring {

// Frames for one link, each as long as takes about a seventh of a second there: long enough for the
// link's meter (net/hop/bandwidth_meter.h), short enough to be out soon on the slowest. Begins
// small, and grows no faster than what is known of the link. Not thread-safe.
class ProbeFrames {
 public:
  // link: the counters of the link, at most a tenth of a second old. The payload is noise, so that
  // nothing on the way can make it shorter; codec raw32, no images.
  net::Message next(const net::LinkStats& link);

 private:
  std::size_t length(const net::LinkStats& link);

  std::size_t bytes_ = 0;  // of the last frame
  net::LinkStats seen_;    // when that length was chosen
  std::vector<std::byte> random_;
};

}  // namespace quantring
