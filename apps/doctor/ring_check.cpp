#include <fmt/format.h>

#include <set>

#include "apps/doctor/checks.h"
#include "apps/doctor/text.h"
#include "net/wire/address.h"
#include "net/wire/control.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

// Hardly enough for the smallest frames of a small model at one image per second.
constexpr double slow_bps = 1e6;
constexpr double long_round_s = 0.05;
// Bytes on the cable per byte of TCP payload: 1514 bytes of Ethernet carry 1448.
constexpr double wire_overhead = 1514.0 / 1448.0;

std::string milliseconds(double seconds) {
  return fmt::format("{:.{}f} ms", 1e3 * seconds, seconds < 1e-4 ? 3 : seconds < 0.01 ? 2 : 0);
}

std::string megabits(double bps) {
  return fmt::format("{:.{}f} Mbit/s", bps / 1e6, bps < 10e6 ? 2 : bps < 100e6 ? 1 : 0);
}

class NodeCheck {
 public:
  NodeCheck(const RingConfig& ring, const ModelFile* model, const WholeRingProbe* whole)
      : ring_(ring), model_(model), whole_(whole) {
    if (model_ == nullptr) return;
    try {
      ranges_ = stage_ranges(ring_, model_->architecture());
    } catch (const Error& error) {
      list_.problem("ring", error.what(), "correct the stages' blocks in the ring file");
    }
  }

  void node(std::size_t stage, const NodeProbe& probe) {
    using State = NodeProbe::State;
    const std::string name = net::stage_name(static_cast<int>(stage), ring_.stages[stage].address);
    const bool round = whole_ != nullptr && whole_->error.empty();
    const bool last = stage + 1 == ring_.stages.size();
    // A node that worked in the ring is not a problem even if this machine cannot reach it.
    if (round && stage < whole_->nodes.size() && probe.state != State::answers) {
      list_.note(name, fmt::format("reached through the ring, not from here: {}", probe.error));
      return report(stage, name, whole_->nodes[stage]);
    }
    if (probe.state != State::answers && (probe.state != State::no_way_back || last)) {
      node_problem_ = true;
    }
    switch (probe.state) {
      case State::answers:
        list_.ok(name, answer_text(probe));
        return report(stage, name, probe.report);
      case State::no_way_back:
        return no_way_back(name, probe.error, last);
      case State::busy:
        return list_.problem(name, probe.error,
                             "stop that session, or restart the node: sudo systemctl restart "
                             "quantring-node");
      case State::other_version:
        return list_.problem(name, probe.error, "install the same package on every machine");
      case State::unreachable:
        return unreachable(stage, name, probe.error);
      case State::failed:
        return failed(name, probe.error);
    }
  }

  void whole() {
    if (whole_ == nullptr) {
      return list_.note("ring", "not tested as a whole: not every node can take part");
    }
    if (!whole_->error.empty() && node_problem_) {
      return list_.note("ring", fmt::format("does not work: {}", whole_->error));
    }
    if (!whole_->error.empty()) {
      const bool back = whole_->error.find("cannot connect to the head") != std::string::npos;
      return list_.problem("ring", whole_->error,
                           back ? way_back_remedy()
                                : "each node must be able to reach the address of the next one "
                                  "in the ring file");
    }
    list_.ok("ring",
             fmt::format("works; a tiny frame takes {} around it", milliseconds(whole_->round_s)));
  }

  std::vector<Finding> take() { return list_.take(); }

 private:
  static std::string answer_text(const NodeProbe& probe) {
    const ProbeReport& report = probe.report;
    return fmt::format("{}, version {}, round trip {}; {}, {} cores, {} of {} memory free",
                       report.host.empty() ? "answers" : report.host, probe.version,
                       probe.rtt_s > 0 ? milliseconds(probe.rtt_s) : "unknown", report.compute,
                       report.cores, gigabytes(report.free_bytes), gigabytes(report.memory_bytes));
  }

  std::string way_back_remedy() const {
    const std::string port = ring_.listen.empty()
                                 ? std::string("7711")
                                 : std::to_string(net::parse_address(ring_.listen).port);
    const std::string open = fmt::format(
        "the last stage connects back to this machine: the firewall here must allow port {} (sudo "
        "ufw allow {}/tcp)",
        port, port);
    if (ring_.listen.empty()) {
      return open + ", and the ring file must set it: [head] listen = \"0.0.0.0:7711\"";
    }
    return open + "; behind NAT or with several networks also set [head] advertise = \"HOST\"";
  }

  void no_way_back(const std::string& name, const std::string& error, bool last) {
    if (last) return list_.problem(name, error, way_back_remedy());
    list_.note(name,
               "it answers but cannot connect to this machine, which only the last stage must do");
  }

  void failed(const std::string& name, const std::string& error) {
    if (error.find("cannot listen on") != std::string::npos) {
      return list_.problem("head", error,
                           "another program here uses the port, perhaps another head: stop it, or "
                           "change [head] listen in the ring file");
    }
    list_.problem(name, error,
                  "a node that hangs, or another program on that port; see its log: "
                  "journalctl -u quantring-node");
  }

  void unreachable(std::size_t stage, const std::string& name, const std::string& error) {
    const bool refused = error.find("refused") != std::string::npos;
    const bool unknown_name = error.find("cannot resolve") != std::string::npos;
    const std::uint16_t port = net::parse_address(ring_.stages[stage].address).port;
    std::string remedy = fmt::format(
        "check that the machine is on and the address right (ping), and that its firewall allows "
        "port "
        "{}: sudo ufw allow {}/tcp",
        port, port);
    if (refused) {
      remedy = fmt::format(
          "the machine is reachable, but no node listens on port {}: sudo systemctl start "
          "quantring-node, or quantring node --model FILE --listen 0.0.0.0:{}",
          port, port);
    }
    if (unknown_name) remedy = "check the name, or write the IP address into the ring file";
    list_.problem(name, error, remedy);
  }

  // The node's model and memory.
  void report(std::size_t stage, const std::string& name, const ProbeReport& report) {
    const std::string hash = report.model_hash.substr(0, 16);
    if (model_ == nullptr) {
      hashes_.insert(report.model_hash);
      list_.ok(name, fmt::format("model {}", hash));
      if (hashes_.size() > 1) {
        list_.problem(name, "its model differs from that of the previous stages",
                      "copy the same model file to every machine");
      }
      return;
    }
    if (report.model_hash != model_->hash()) {
      return list_.problem(
          name, fmt::format("its model is {}, the head's {}", hash, model_->hash().substr(0, 16)),
          fmt::format("copy {} to it and restart the node", model_->path()));
    }
    if (stage >= ranges_.size()) return;
    const StageRange range = ranges_[stage];
    if (range.begin < report.part.begin || range.end > report.part.end) {
      return list_.problem(
          name,
          fmt::format("its file holds {}, the ring gives it {}", range_text(report.part),
                      range_text(range)),
          fmt::format("quantring-weights shard {} --layers {} -o part.safetensors, and copy that "
                      "to it; or change the blocks in the ring file",
                      model_->path(), part_text(range)));
    }
    // Half of that in f16 on a GPU; on a Jetson GPU and CPU share the memory.
    const bool f32 = report.compute.find("f32") != std::string::npos;
    const std::uint64_t need = weight_bytes(model_->architecture(), range) / (f32 ? 1 : 2);
    const std::string found =
        fmt::format("model {}, {} need {}", hash, range_text(range), gigabytes(need));
    if (report.free_bytes > 0 && need > report.free_bytes) {
      return list_.problem(
          name, fmt::format("{}, but only {} are free", found, gigabytes(report.free_bytes)),
          "give it fewer blocks, or stop other programs on it");
    }
    list_.ok(name, found);
  }

  const RingConfig& ring_;
  const ModelFile* model_;
  const WholeRingProbe* whole_;
  std::vector<StageRange> ranges_;
  std::set<std::string> hashes_;
  bool node_problem_ = false;
  FindingList list_;
};

std::string link_name(const RingConfig& ring, std::size_t link) {
  const std::size_t stages = ring.stages.size();
  const auto end = [&](std::size_t i) {
    return i == 0 || i > stages ? std::string("head") : fmt::format("stage {}", i - 1);
  };
  return fmt::format("{} -> {}", end(link), end(link + 1));
}

}  // namespace

std::vector<Finding> check_nodes(const RingConfig& ring, const ModelFile* model,
                                 const std::vector<NodeProbe>& nodes, const WholeRingProbe* whole) {
  NodeCheck check(ring, model, whole);
  for (std::size_t i = 0; i < nodes.size(); ++i) check.node(i, nodes[i]);
  check.whole();
  return check.take();
}

std::vector<Finding> check_links(const RingConfig& ring, const WholeRingProbe& whole) {
  FindingList list;
  for (std::size_t i = 0; i < whole.links.size(); ++i) {
    const LinkProbe& link = whole.links[i];
    const std::string name = link_name(ring, i);
    const std::string trip =
        link.rtt_s > 0 ? "round trip " + milliseconds(link.rtt_s) : "round trip unknown";
    if (link.capacity == net::Capacity::unknown) {
      list.warning(name, "too little data arrived to measure it; " + trip,
                   "check the cable or the Wi-Fi between the two");
      continue;
    }
    const bool measured = link.capacity == net::Capacity::measured;
    const std::string pace =
        ring.link_mbps > 0 ? fmt::format(", paced to {:g} Mbit/s by the ring file", ring.link_mbps)
                           : "";
    const std::string found = fmt::format("{}{} of data ({} on the cable){}, {}",
                                          measured ? "" : "at least ", megabits(link.capacity_bps),
                                          megabits(wire_overhead * link.capacity_bps), pace, trip);
    if (measured && link.capacity_bps < slow_bps) {
      list.warning(
          name, found,
          "very slow: use a cable instead of Wi-Fi, or let the bits adapt (no codec in [link])");
    } else if (link.rtt_s > long_round_s) {
      list.note(name, found + ": adds to the latency of every answer");
    } else {
      list.ok(name, found);
    }
  }
  return list.take();
}

}  // namespace quantring::apps
