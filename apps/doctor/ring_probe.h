#pragma once
// The head of a ring without a model: asks every node what it is, and measures every link.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/session/probe_order.h"
#include "net/wire/stats.h"

namespace quantring::apps {

struct RingProbeRequest {
  std::vector<std::string> addresses;  // HOST:PORT of each stage, in ring order
  std::string listen, advertise;       // as in ring.toml; may be empty
  double link_mbps = 0;                // pace of every link; 0: none
};

// A node as this machine reaches it.
struct NodeProbe {
  enum class State : std::uint8_t {
    answers,      // and its answers come back
    no_way_back,  // it was reached, and cannot connect to this machine
    busy,         // with the session of another head
    other_version,
    unreachable,  // nobody listens there, or no answer
    failed,       // anything else
  };
  State state = State::unreachable;
  std::string error;  // one line; empty when it answers
  std::string version;
  ProbeReport report;  // when it answers
  double rtt_s = 0;    // 0: unknown
};

// One hop with the whole ring at work, as its sender measured it.
struct LinkProbe {
  net::Capacity capacity = net::Capacity::unknown;
  double capacity_bps = 0;  // of TCP payload, as in net::LinkStats
  double rtt_s = 0;         // before the load; 0: unknown
};

struct WholeRingProbe {
  std::string error;               // one line; empty when the ring went round
  std::vector<LinkProbe> links;    // head -> stage 0, ..., last stage -> head
  std::vector<ProbeReport> nodes;  // of each stage
  double round_s = 0;              // of a tiny frame, once around
};

// Each node alone, as a ring of one stage, all at the same time; takes some 6 s at most. The last
// answers where ring.toml says, the others at any free port.
std::vector<NodeProbe> probe_nodes(const RingProbeRequest& request);

// The whole ring with test frames for 2 to 5 s; some 15 s at most.
WholeRingProbe probe_ring(const RingProbeRequest& request);

}  // namespace quantring::apps
