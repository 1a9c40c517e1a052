// The meter over real TCP, in network namespaces, on links shaped by tc: its readings against the
// shaped rate. Skipped where namespaces cannot be made.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>

#include "tests/net/hop/metered_hop.h"

namespace quantring::net {
namespace {

// tc counts whole packets, the meter payload: 1448 of 1514 bytes of a full packet with its
// Ethernet, IP and TCP headers.
double payload_bits(double mbit) {
  return mbit * 1e6 * 1448 / 1514;
}

bool usable(const ShapedLink& link) {
  if (!link.works()) MESSAGE("skipped: no network namespaces or no tc here (needs root)");
  return link.works();
}

// Median of the measured readings of the last part of a run; 0 without one.
double median(const std::vector<Reading>& readings, double from_s) {
  std::vector<double> rates;
  for (const Reading& each : readings) {
    if (each.time_s >= from_s && each.capacity.capacity == Capacity::measured) {
      rates.push_back(each.capacity.bits_per_second);
    }
  }
  std::sort(rates.begin(), rates.end());
  return rates.empty() ? 0 : rates[rates.size() / 2];
}

// `measure` is run up to five times, and one must be within a tenth of `bits`. A busy machine wakes
// the shaper late and its link then carries less than it is shaped to; a wrong
// meter is wrong every time.
void check_within_tenth(double bits, const std::function<double()>& measure) {
  double measured = 0;
  for (int i = 0; i < 5; ++i) {
    measured = measure();
    if (std::abs(measured - bits) < 0.1 * bits) break;
  }
  CHECK(measured > 0.9 * bits);
  CHECK(measured < 1.1 * bits);
}

struct Case {
  double mbit;
  std::size_t frame_bytes;
};
constexpr std::array<Case, 4> cases{
    {{10, 75'000}, {50, 300'000}, {250, 1'000'000}, {1000, 10'000'000}}};

TEST_CASE("shaped link: the rate is measured, full and half used, with bbr and with cubic") {
  ShapedLink link;
  if (!usable(link)) return;
  for (const char* control : {"bbr", "cubic"}) {
    if (!link.congestion_control(control)) continue;
    for (const auto& [mbit, frame_bytes] : cases) {
      CAPTURE(control);
      CAPTURE(mbit);
      REQUIRE(link.shape("tbf", mbit));
      const double bits = payload_bits(mbit);
      for (const double load : {0.0, 0.5 * bits}) {
        check_within_tenth(bits, [&, size = frame_bytes] {
          MeteredHop hop(link);
          return median(hop.run({size, load, 1.5}), 0.5);
        });
      }
    }
  }
}

TEST_CASE("shaped link: the new rate is measured after a decrease and after an increase") {
  ShapedLink link;
  if (!usable(link)) return;
  REQUIRE(link.shape("tbf", 250));
  MeteredHop hop(link);
  const auto measure = [&] { return median(hop.run({300'000, 0, 2}), 1); };
  check_within_tenth(payload_bits(250), measure);
  for (const double mbit : {25.0, 100.0}) {
    CAPTURE(mbit);
    REQUIRE(link.shape("tbf", mbit));
    check_within_tenth(payload_bits(mbit), measure);
  }
}

TEST_CASE("shaped link: a paced link is measured at its pace") {
  ShapedLink link;
  if (!usable(link)) return;
  REQUIRE(link.shape("tbf", 1000));
  MeteredHop hop(link, 40'000'000);
  check_within_tenth(40e6, [&] { return median(hop.run({300'000, 0, 1.5}), 0.5); });
}

// The shaper's queue holds 50 ms of data.
TEST_CASE("shaped link: the round trip excludes our queue, also when it is full") {
  ShapedLink link;
  if (!usable(link)) return;
  REQUIRE(link.shape("tbf", 20));
  REQUIRE(link.congestion_control("reno"));  // fills the queue, and every kernel allows it
  MeteredHop hop(link);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const double idle = hop.stats().rtt_s;
  hop.run({75'000, 0, 1.5});
  const double full = hop.stats().rtt_s;
  MESSAGE("round trip ", 1e3 * idle, " ms idle, ", 1e3 * full, " ms full");
  for (const double seen : {idle, full}) {
    CHECK(seen > 0);
    CHECK(seen < 0.02);
  }
}

TEST_CASE("shaped link: idle is unknown") {
  ShapedLink link;
  if (!usable(link)) return;
  REQUIRE(link.shape("tbf", 50));
  MeteredHop hop(link);
  CHECK(hop.stats().capacity == Capacity::unknown);
  hop.run({75'000, 0, 0.5});
  CHECK(hop.stats().capacity == Capacity::measured);
  std::this_thread::sleep_for(std::chrono::milliseconds(3200));
  CHECK(hop.stats().capacity == Capacity::unknown);
  CHECK(hop.stats().capacity_bps == 0);
}

// A proxy between the sender and the receiver's port that reads at a limited rate: a slow receiver
// to the sender.
class SlowReader {
 public:
  SlowReader(std::uint16_t target, double bytes_per_s) : bytes_per_s_(bytes_per_s) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    constexpr int small = 64 << 10;
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    out_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = address_of(0);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_, 1);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    address = address_of(target);
    ::connect(out_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    thread_ = std::thread([this] { run(); });
  }
  ~SlowReader() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
    ::close(out_);
  }
  std::uint16_t port() const { return port_; }

 private:
  static sockaddr_in address_of(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(0x0A4D0002);  // 10.77.0.2
    return address;
  }
  void run() {
    const int in = ::accept(listener_, nullptr, nullptr);
    std::array<char, 16384> bytes{};
    auto due = std::chrono::steady_clock::now();
    while (!stop_) {
      const auto now = std::chrono::steady_clock::now();
      const bool may_take = now >= due;
      std::array<pollfd, 2> ready{
          {{in, static_cast<short>(may_take ? POLLIN : 0), 0}, {out_, POLLIN, 0}}};
      ::poll(ready.data(), ready.size(), 2);
      if (ready[1].revents & POLLIN) {
        const auto got = ::recv(out_, bytes.data(), bytes.size(), 0);
        if (got <= 0 || ::send(in, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) < 0)
          break;
      }
      if (ready[0].revents & POLLIN) {
        const auto got = ::recv(in, bytes.data(), bytes.size(), 0);
        if (got <= 0 || ::send(out_, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) < 0)
          break;
        due = std::max(due, now - std::chrono::milliseconds(20)) +
              std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                  std::chrono::duration<double>(static_cast<double>(got) / bytes_per_s_));
      }
    }
    ::close(in);
  }

  double bytes_per_s_;
  int listener_ = -1, out_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_CASE("shaped link: a slow reader on a fast link is not a slow link") {
  ShapedLink link;
  if (!usable(link)) return;
  for (const char* control : {"bbr", "cubic"}) {
    if (!link.congestion_control(control)) continue;
    CAPTURE(control);
    REQUIRE(link.shape("tbf", 500));
    std::optional<SlowReader> reader;
    MeteredHop hop(link, 0, [&reader](std::uint16_t port) {
      reader.emplace(port, 2.5e6);  // 20 Mbit/s
      return reader->port();
    });
    const auto readings = hop.run({100'000, 0, 4});
    CHECK(readings.size() > 40);
    for (const Reading& each : readings) {
      if (each.capacity.capacity == Capacity::measured) {
        CHECK(each.capacity.bits_per_second > 0.5 * payload_bits(500));
      }
    }
    CHECK(hop.stats().capacity == Capacity::at_least);
  }
}

}  // namespace
}  // namespace quantring::net
