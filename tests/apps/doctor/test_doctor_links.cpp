// `quantring doctor` measures links in network namespaces, each shaped to a different rate. Needs
// root, `ip` and `tc`.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>

#include "apps/doctor/ring_probe.h"
#include "apps/session/node/probe_worker.h"
#include "apps/session/node/stage_worker.h"
#include "net/ring/ring_node.h"
#include "tests/apps/commands/programs.h"

using namespace quantring;
using namespace quantring::apps;
using namespace quantring::test;

namespace {

constexpr std::size_t hosts = 4;  // the head, then three stages
// Mbit/s of each link on the cable: slow ones need short frames, fast ones need long frames.
constexpr std::array<double, hosts> rates = {100, 20, 500, 5};

bool shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// A circle of namespaces: each reaches only its two neighbours.
class Circle {
 public:
  Circle() {
    for (std::size_t i = 0; i < hosts && works_; ++i) works_ = shell("ip netns add " + name(i));
    for (std::size_t i = 0; i < hosts && works_; ++i) {
      const std::string from = name(i), to = name((i + 1) % hosts);
      const int rate = static_cast<int>(rates[i] * 1000);
      works_ = shell("ip -n " + from + " link set lo up") &&
               shell("ip link add out netns " + from + " type veth peer name in netns " + to) &&
               shell(fmt::format("ip -n {} addr add 10.78.{}.1/24 dev out", from, i)) &&
               shell(fmt::format("ip -n {} addr add 10.78.{}.2/24 dev in", to, i)) &&
               shell("ip -n " + from + " link set out up") &&
               shell("ip -n " + to + " link set in up") &&
               shell(fmt::format("tc -n {} qdisc add dev out root tbf rate {}kbit burst {} latency "
                                 "50ms",
                                 from, rate, std::max(15000, rate / 8)));
    }
  }
  ~Circle() {
    for (std::size_t i = 0; i < hosts; ++i) shell("ip netns del " + name(i));
  }
  Circle(const Circle&) = delete;
  Circle& operator=(const Circle&) = delete;

  bool works() const { return works_; }
  // Runs the action on a thread in that namespace; sockets of the threads it starts are there too.
  std::thread inside(std::size_t host, std::function<void()> action) const {
    return std::thread([path = "/run/netns/" + name(host), action = std::move(action)] {
      const int space = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      const bool entered = ::setns(space, CLONE_NEWNET) == 0;
      ::close(space);
      if (entered) action();
    });
  }

 private:
  static std::string name(std::size_t host) { return fmt::format("qdl{}-{}", ::getpid(), host); }
  bool works_ = true;
};

}  // namespace

TEST_CASE("three nodes and four links of different rates: each within 10 %") {
  const Circle circle;
  if (!circle.works()) {
    std::printf("SKIPPED: network namespaces with shaped links cannot be made here\n");
    return;
  }
  const TemporaryFolder folder;
  const std::string model = (folder / "model.safetensors").string();
  write_tiny_model(model);

  RingProbeRequest request;
  request.advertise = "10.78.3.2";
  std::vector<std::unique_ptr<net::RingNode>> nodes(hosts - 1);
  std::vector<std::thread> serving;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    circle
        .inside(i + 1,
                [&, i] {
                  net::NodeOptions options;
                  options.listen = fmt::format("10.78.{}.2:0", i);
                  const auto factory = [model](const std::string&, int, int) {
                    return std::make_unique<ProbeWorker>(model, ContextOptions{});
                  };
                  nodes[i] =
                      std::make_unique<net::RingNode>(options, factory, [](const std::string&) {});
                })
        .join();
    REQUIRE(nodes[i]);
    request.addresses.push_back(fmt::format("10.78.{}.2:{}", i, nodes[i]->port()));
    serving.push_back(circle.inside(i + 1, [&, i] { nodes[i]->run(); }));
  }

  // On a busy machine a shaper can carry less than its rate: five attempts.
  bool right = false;
  WholeRingProbe probe;
  for (int i = 0; i < 5 && !right; ++i) {
    circle.inside(0, [&] { probe = probe_ring(request); }).join();
    CHECK(probe.error.empty());
    if (probe.links.size() != hosts) break;
    right = true;
    for (std::size_t link = 0; link < hosts; ++link) {
      // The token bucket counts whole packets: 1514 bytes for 1448 of payload.
      const double expected = rates[link] * 1e6 * 1448 / 1514;
      const LinkProbe& seen = probe.links[link];
      MESSAGE(rates[link], " Mbit/s: ", seen.capacity_bps / expected, " of it, round trip ",
              1e3 * seen.rtt_s, " ms");
      right = right && seen.capacity == net::Capacity::measured &&
              seen.capacity_bps == doctest::Approx(expected).epsilon(0.1) && seen.rtt_s > 0 &&
              seen.rtt_s < 0.05;
    }
  }
  CHECK(right);

  // The head reaches only the first node.
  std::vector<NodeProbe> alone;
  circle.inside(0, [&] { alone = probe_nodes(request); }).join();
  REQUIRE(alone.size() == 3);
  CHECK(alone[0].state == NodeProbe::State::answers);
  CHECK(alone[1].state == NodeProbe::State::unreachable);
  CHECK(alone[2].state == NodeProbe::State::unreachable);

  for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i]->stop();
  for (std::thread& thread : serving) thread.join();
}
