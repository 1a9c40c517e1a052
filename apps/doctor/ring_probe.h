#pragma once
// A head without a model that queries every node and measures every link of a ring.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/session/node/probe_order.h"
#include "net/wire/stats.h"

namespace quantring::apps {

struct RingProbeRequest {
  std::vector<std::string> addresses;  // HOST:PORT of each stage, in ring order
  std::string listen, advertise;       // as in ring.toml; may be empty
  double link_mbps = 0;                // pacing of every link; 0: none
};

// A node as seen from this machine.
struct NodeProbe {
  enum class State : std::uint8_t {
    answers,
    no_way_back,  // reached, but it cannot connect to this machine
    busy,         // in a session with another head
    other_version,
    unreachable,  // connection refused or no answer
    failed,       // anything else
  };
  State state = State::unreachable;
  std::string error;  // one line; empty if it answers
  std::string version;
  ProbeReport report;  // if it answers
  double rtt_s = 0;    // 0: unknown
};

// A link as its sender measured it, with the whole ring under load.
struct LinkProbe {
  net::Capacity capacity = net::Capacity::unknown;
  double capacity_bps = 0;  // of TCP payload, as in net::LinkStats
  double rtt_s = 0;         // before the load; 0: unknown
};

struct WholeRingProbe {
  std::string error;               // one line; empty if the ring works
  std::vector<LinkProbe> links;    // head -> stage 0, ..., last stage -> head
  std::vector<ProbeReport> nodes;  // of each stage
  double round_s = 0;              // once around the ring, with a tiny frame
};

// Probes each node alone, as a ring of one stage, all in parallel, for at most about 6 s. The last
// connects back to the address of ring.toml, the others to any free port.
std::vector<NodeProbe> probe_nodes(const RingProbeRequest& request);

// Probes the whole ring with test frames for 2 to 5 s; at most about 15 s.
WholeRingProbe probe_ring(const RingProbeRequest& request);

}  // namespace quantring::apps
