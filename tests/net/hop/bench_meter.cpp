// Readings of the bandwidth meter on links shaped by tc, beside the shaped rate:
//   bench_meter [tbf|htb] [SECONDS]
// One line for each congestion control, rate, frame size and load. Needs root and `ip netns`.
#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/net/hop/metered_hop.h"

namespace {

using namespace quantring::net;

constexpr double payload_share = 1448.0 / 1514;  // of a full packet with Ethernet, IP, TCP headers

struct Summary {
  double measured = 0, at_least = 0;     // shares of the readings
  double median = 0, low = 0, high = 0;  // of the measured, bits per second
};

Summary summarize(const std::vector<Reading>& readings, double from_s) {
  Summary summary;
  std::vector<double> measured;
  double count = 0;
  for (const Reading& each : readings) {
    if (each.time_s < from_s) continue;
    ++count;
    if (each.capacity.capacity == Capacity::measured) {
      measured.push_back(each.capacity.bits_per_second);
    } else if (each.capacity.capacity == Capacity::at_least) {
      ++summary.at_least;
    }
  }
  std::sort(measured.begin(), measured.end());
  summary.measured = static_cast<double>(measured.size()) / std::max(count, 1.0);
  summary.at_least /= std::max(count, 1.0);
  if (!measured.empty()) {
    summary.median = measured[measured.size() / 2];
    summary.low = measured[measured.size() / 20];
    summary.high = measured[measured.size() - 1 - measured.size() / 20];
  }
  return summary;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "tbf";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 2;
  ShapedLink link;
  if (!link.works()) {
    std::fprintf(stderr, "network namespaces or tc cannot be used here: run as root\n");
    return 1;
  }
  fmt::print("{} links; rates in Mbit/s of TCP payload; readings before each frame\n", kind);
  fmt::print("{:6} {:>7} {:>8} {:>5} | {:>8} {:>8} {:>6} {:>8} {:>8} {:>9} {:>9}\n", "tcp",
             "shaped", "frame KB", "load", "carries", "median", "off %", "p5", "p95", "measured%",
             "at_least%");
  for (const std::string control : {"bbr", "cubic"}) {
    link.congestion_control(control);
    for (const double mbit : {10.0, 50.0, 250.0, 1000.0}) {
      link.shape(kind, mbit);
      for (const std::size_t bytes : {20'000, 75'000, 300'000, 1'000'000, 10'000'000}) {
        const double carries = mbit * 1e6 * payload_share;
        if (8.0 * static_cast<double>(bytes) / carries > seconds / 4) continue;
        MeteredHop hop(link);
        for (const double load : {0.0, 0.6, 0.3}) {
          const auto readings = hop.run({bytes, load * carries, seconds});
          const Summary got = summarize(readings, seconds / 4);
          fmt::print(
              "{:6} {:7} {:8} {:>5} | {:8.2f} {:8.2f} {:6.1f} {:8.2f} {:8.2f} {:9.0f} {:9.0f}\n",
              control, mbit, static_cast<double>(bytes) / 1e3,
              load > 0 ? fmt::format("{:.0f} %", 100 * load) : "full", carries / 1e6,
              got.median / 1e6, got.median > 0 ? 100 * (got.median / carries - 1) : 0,
              got.low / 1e6, got.high / 1e6, 100 * got.measured, 100 * got.at_least);
          std::fflush(stdout);
        }
      }
    }
  }
}
