#include "apps/doctor/ring_probe.h"

#include <algorithm>
#include <functional>
#include <thread>

#include "apps/doctor/link_readings.h"
#include "apps/doctor/time_limit.h"
#include "apps/session/node/probe_frames.h"
#include "apps/session/node/probe_order.h"
#include "net/ring/ring_head.h"
#include "net/wire/control.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds ready_limit{6};  // net's own limit for a connection is 5 s
constexpr seconds tiny_limit{3}, finish_limit{4};
constexpr milliseconds idle_limit{1200}, min_load{2500}, max_load{5000}, pause{2};
constexpr int tiny_frames = 5;
// A node may not have noticed yet that its last session has ended.
constexpr milliseconds busy_patience{1000};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

net::HeadOptions head_options(const RingProbeRequest& request,
                              const std::vector<std::string>& addresses) {
  net::HeadOptions options;
  for (const std::string& address : addresses) {
    options.stages.push_back({address, probe_order_json()});
  }
  options.link_bits_per_second = static_cast<std::uint64_t>(request.link_mbps * 1e6);
  options.credits = 2;
  options.ready_timeout = ready_limit;
  options.busy_patience = busy_patience;
  return options;
}

// Seconds of the fastest tiny frame around the ring.
double tiny_round(net::RingHead& head) {
  double best = 0;
  for (int i = 0; i < tiny_frames; ++i) {
    const auto start = Clock::now();
    net::Message message;
    message.payload.resize(64);
    head.submit(std::move(message));
    head.next_result();
    const double round = since(start);
    best = i == 0 ? round : std::min(best, round);
  }
  return best;
}

NodeProbe::State state_of(const std::string& error) {
  const auto has = [&](const char* part) { return error.find(part) != std::string::npos; };
  if (has("cannot connect to the head")) return NodeProbe::State::no_way_back;
  if (has("busy with a session")) return NodeProbe::State::busy;
  if (has("install the same version on both")) return NodeProbe::State::other_version;
  if (has("cannot connect to") || has("cannot resolve")) return NodeProbe::State::unreachable;
  return NodeProbe::State::failed;
}

// A node probed alone is stage 0 in net's messages; users know its number in the ring file.
std::string renamed(std::string error, const std::string& address, std::size_t stage) {
  const std::string alone = net::stage_name(0, address);
  const auto at = error.find(alone);
  if (at == std::string::npos) return error;
  return error.replace(at, alone.size(), net::stage_name(static_cast<int>(stage), address));
}

NodeProbe probe_node(const RingProbeRequest& request, std::size_t stage) {
  const std::string& address = request.addresses[stage];
  NodeProbe node;
  try {
    net::HeadOptions options = head_options(request, {address});
    if (stage + 1 == request.addresses.size()) {
      options.listen = request.listen;
      options.advertise_host = request.advertise;
    }
    net::RingHead head(std::move(options));
    const TimeLimit limit(head, tiny_limit);
    tiny_round(head);
    const net::RingStats stats = head.finish();
    node.state = NodeProbe::State::answers;
    node.version = stats.stages[0].version;
    node.report = parse_probe_report(stats.stages[0].app_json);
    node.rtt_s = stats.input.rtt_s;
  } catch (const std::exception& error) {
    node.error = renamed(error.what(), address, stage);
    node.state = state_of(node.error);
  }
  return node;
}

// Waits until every sender has reported its round trip, before the links are loaded.
void wait_for_round_trips(net::RingHead& head) {
  const auto start = Clock::now();
  const auto known = [&] {
    const net::RingStats stats = head.stats();
    return stats.input.rtt_s > 0 &&
           std::all_of(stats.stages.begin(), stats.stages.end(),
                       [](const net::StageStats& each) { return each.output.rtt_s > 0; });
  };
  while (!known() && Clock::now() - start < idle_limit) std::this_thread::sleep_for(10 * pause);
}

void load(net::RingHead& head, LinkReadings& readings) {
  ProbeFrames frames;
  net::Message waiting;
  bool has_waiting = false;
  const auto start = Clock::now();
  for (auto look = start;; std::this_thread::sleep_for(pause)) {
    const auto now = Clock::now();
    if (now >= look) {
      readings.add(head.stats());
      look = now + milliseconds(100);
    }
    if (now - start >= max_load || (now - start >= min_load && readings.enough())) return;
    while (head.try_next_result()) {
    }
    if (!has_waiting) {
      waiting = frames.next(head.stats().input);
      has_waiting = true;
    }
    if (head.try_submit(waiting)) has_waiting = false;
  }
}

// Does not wait for all frames in flight on a very slow ring.
net::RingStats finished(net::RingHead& head) {
  const TimeLimit limit(head, finish_limit);
  try {
    return head.finish();
  } catch (const Error&) {
    return head.stats();
  }
}

}  // namespace

std::vector<NodeProbe> probe_nodes(const RingProbeRequest& request) {
  std::vector<NodeProbe> nodes(request.addresses.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    threads.emplace_back([&, i] { nodes[i] = probe_node(request, i); });
  }
  for (std::thread& thread : threads) thread.join();
  return nodes;
}

WholeRingProbe probe_ring(const RingProbeRequest& request) {
  WholeRingProbe probe;
  try {
    net::HeadOptions options = head_options(request, request.addresses);
    options.listen = request.listen;
    options.advertise_host = request.advertise;
    net::RingHead head(std::move(options));
    {
      const TimeLimit limit(head, tiny_limit);
      probe.round_s = tiny_round(head);
    }
    wait_for_round_trips(head);
    const net::RingStats idle = head.stats();
    LinkReadings readings(idle.stages.size() + 1);
    load(head, readings);
    probe.links = readings.links(idle);
    for (const net::StageStats& stage : finished(head).stages) {
      probe.nodes.push_back(parse_probe_report(stage.app_json));
    }
  } catch (const std::exception& error) {
    probe.error = error.what();
  }
  return probe;
}

}  // namespace quantring::apps
