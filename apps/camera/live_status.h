#pragma once
// Everything that a run of `camera` shows of itself: the page, the JSON and the metrics are made of
// this and of nothing else, so they agree.

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
  std::uint64_t number = 0;  // of the answer in this run, from 0
  std::string frame;         // its name
  std::vector<Class> top;    // most probable first
  double latency_s = 0;      // from the arrival of the frame to the answer
  std::string true_class;    // where the source knows it; else empty
};

struct LiveStage {
  int stage = 0;
  std::string address, range, device, version;  // as StageStats and WorkerStats say
  std::uint64_t images = 0;
  double images_per_s = 0;  // over the last seconds
  double busy = 0;          // computing, 0..1, over the last seconds
  double resident_mb = 0;
};

struct LiveLink {
  std::string name;  // "head -> 0", "0 -> 1", ..., "2 -> head"
  double mbps = 0;   // sent, headers too, over the last seconds
  double busy = 0;   // sending, 0..1, over the last seconds
  net::Capacity capacity_kind = net::Capacity::unknown;
  double capacity_mbps = 0;  // 0 when unknown
  std::string codec;         // "ptq 6", "raw32"; "pixels" of the first link, "logits" of the last
  double bits = 0;           // an element; 0 before the first frame
  double rtt_ms = 0;         // the shortest lately, of the sender's TCP; 0: not known
  std::uint64_t wire_bytes = 0, frames = 0;
  std::string decision;  // the last one of the controller, with its cause; may be empty
};

struct LiveStatus {
  std::string version;      // of the software
  std::string model, hash;  // path, identity
  std::string source;       // URI, without a password
  std::string state;        // "running", "connecting", "waiting: stage 1 (...) was lost; ..."
  bool healthy = false;     // the ring and the source are there
  double uptime_s = 0;
  FeedStats feed;
  std::uint64_t images = 0;      // answered
  std::uint64_t unreadable = 0;  // frames that could not be decoded; feed.unreadable: not read
  std::uint64_t lost = 0;        // frames under way when a ring broke and the source is live
  std::uint64_t reconnects = 0;  // of the ring
  double images_per_s = 0;       // over the last seconds
  double latency_p50_s = 0, latency_p95_s = 0;  // over the last 10 s; 0 without an answer
  double target_rate = 0;                       // images/s that no link may hold up; 0: none known
  double resident_mb = 0;                       // of this process
  std::vector<LiveStage> stages;                // empty without a ring
  std::vector<LiveLink> links;  // in ring order, one more than stages; empty without a ring
};

// One point of the history, a second apart.
struct LivePoint {
  double uptime_s = 0;
  double images_per_s = 0, latency_p50_s = 0, latency_p95_s = 0;
  std::uint64_t dropped = 0;  // since the start
  struct Link {
    double mbps = 0, bits = 0;
    double capacity_mbps = 0;  // 0 unless it was measured: "at least" would draw a line that jumps
  };
  std::vector<Link> links;
};

}  // namespace quantring::apps
