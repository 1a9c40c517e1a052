#pragma once
// Counters of a running ring. Plain values; a copy is a snapshot.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ops/base/capacity.h"

namespace quantring::net {

inline constexpr int max_stages = 64;  // of a ring

using quantring::Capacity;

// One direction of one hop, counted since the session began. Only frames with tensors or results
// are in frames, images and payload_bytes; wire_bytes counts every byte of the hop, headers
// included.
struct LinkStats {
  std::uint64_t frames = 0, images = 0;
  std::uint64_t payload_bytes = 0, wire_bytes = 0;
  // Sender's side only. Seconds in which a frame was being written to the kernel: how busy the link
  // is. Not its speed, which is `capacity`: the kernel accepts the end of a frame before it is
  // sent, and a slow reader delays it, too.
  double sending_s = 0;
  double credit_wait_s = 0;  // seconds in which a frame was ready without credit
  // Sender's side only, the latest of net/hop/bandwidth_meter.h, at most a tenth of a second old:
  // bits of TCP payload a second. A shaper or a cable carries 4.6 % more: 1514 bytes of Ethernet
  // for 1448 of payload.
  Capacity capacity = Capacity::unknown;
  double capacity_bps = 0;  // 0 when unknown
  // Sender's side only, 0 when unknown: minimum round trip time of the last five minutes, from the
  // kernel. The smoothed one would include the queue of our own data while the link is full, and
  // the receiver's delayed acknowledgements (40 ms) while it is not.
  double rtt_s = 0;
};

struct StageStats {
  int stage = 0;
  std::string address;  // as the head was given it
  std::string version;  // software version of the node
  LinkStats input, output;
  std::uint64_t images = 0;                                   // through compute
  double compute_s = 0, wait_input_s = 0, wait_output_s = 0;  // of the compute thread, since ready
  std::string app_json;  // what StageWorker::stats_json gave last; empty when it gives nothing
};

struct RingStats {
  LinkStats input;                 // head -> stage 0
  LinkStats output;                // last stage -> head
  std::vector<StageStats> stages;  // in order; zeros until a stage has reported (twice a second)
  std::string app_json;            // what the head's app says of its own link; empty here
};

// Compact JSON, one object, times in seconds.
std::string stage_stats_json(const StageStats& stats);
// Throws Error when the text is not what stage_stats_json makes.
StageStats parse_stage_stats(std::string_view json);

}  // namespace quantring::net
