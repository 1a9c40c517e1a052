#pragma once
// The state of a run of `camera`. The page, the JSON and the metrics are generated from this alone,
// so they agree.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/camera/frame_feed.h"
#include "net/wire/stats.h"

namespace quantring::apps {

struct LiveAnswer {
  struct Class {
    int index = 0;
    std::string name;
    double probability = 0;  // 0..1
  };
  std::uint64_t number = 0;  // in this run, from 0
  std::string time;          // of the arrival of the frame, RFC 3339
  std::string source;        // LiveStatus::source
  std::string frame;         // name of the frame
  std::vector<Class> top;    // most probable first
  double latency_s = 0;      // from the arrival of the frame to the answer
  std::string true_class;    // empty if the source has no labels
};

struct LiveStage {
  int stage = 0;
  bool lost = false;                            // the ring broke here, and is not back
  std::string address, range, device, version;  // from StageStats and WorkerStats
  std::uint64_t images = 0;
  double images_per_s = 0;  // over the last seconds
  double busy = 0;          // computing, 0..1, over the last seconds
  double resident_mb = 0;
};

struct LiveLink {
  std::string name;  // "head -> 0", "0 -> 1", ..., "2 -> head"
  double mbps = 0;   // sent, with headers, over the last seconds
  double busy = 0;   // sending, 0..1, over the last seconds
  net::Capacity capacity_kind = net::Capacity::unknown;
  double capacity_mbps = 0;  // 0: unknown
  std::string codec;         // "ptq 6", "raw32"; "pixels" of the first link, "logits" of the last
  double bits = 0;           // per element; 0 before the first frame
  // First answers that this coding alone leaves unchanged, an estimate (ladder.h); 0: unknown.
  double agreement_percent = 0;
  double rtt_ms = 0;  // recent minimum of the sender's TCP; 0: unknown
  std::uint64_t wire_bytes = 0, frames = 0;
  std::string decision;  // the controller's last one, with its cause; may be empty
};

struct LiveStatus {
  std::string time;         // of this status, RFC 3339
  std::string version;      // of the software
  std::string model, hash;  // path, identity
  std::string source;       // URI, without a password
  std::string state;        // "running", "connecting", "waiting: stage 1 (...) was lost; ..."
  bool healthy = false;     // the ring and the source work
  std::string limit;        // what limits the rate now, a sentence
  double uptime_s = 0;
  FeedStats feed;
  std::uint64_t images = 0;                     // answered
  std::uint64_t unreadable = 0;                 // by the decoder; feed.unreadable: by the source
  std::uint64_t lost = 0;                       // live frames in flight when a ring broke
  std::uint64_t reconnects = 0;                 // of the ring
  double images_per_s = 0;                      // over the last seconds
  double latency_p50_s = 0, latency_p95_s = 0;  // over the last 10 s; 0: no answer
  double latency_sum_s = 0;                     // of all images
  double needed_rate = 0;                       // images/s that every link must sustain; 0: unknown
  bool target_set = false;                      // needed_rate is what the user asked for
  double resident_mb = 0;                       // of this process
  // Empty without a ring. While it is lost they are the last ones, at rest.
  std::vector<LiveStage> stages;
  std::vector<LiveLink> links;  // in ring order, one more than stages
};

// A point of the history, which has one per second.
struct LivePoint {
  double uptime_s = 0;
  double images_per_s = 0, latency_p50_s = 0, latency_p95_s = 0;
  std::uint64_t dropped = 0;  // since the start
  struct Link {
    double mbps = 0, bits = 0;
    double capacity_mbps = 0;  // 0 unless measured: lower bounds jump
  };
  std::vector<Link> links;
};

}  // namespace quantring::apps
