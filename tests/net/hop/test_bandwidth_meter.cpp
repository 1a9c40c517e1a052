// The meter over a simulated link: packets, a queue with a token bucket, a window, a round trip, a
// reader; in simulated time. Readings are compared with the rate of the link.
#include "net/hop/bandwidth_meter.h"

#include <doctest/doctest.h>
#include <linux/tcp.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

namespace quantring::net {
namespace {

using std::chrono::microseconds;

constexpr std::uint64_t packet = 1448;
constexpr std::uint64_t all = UINT64_MAX / 2;

struct Path {
  double bytes_per_s = 0;  // of the narrowest point
  double bucket = 0;       // bytes that pass at once after an idle time
  double round_trip_s = 5e-5;
  std::uint64_t window = 150'000;      // congestion window, bytes
  std::uint64_t receive_buffer = all;  // bytes that the receiver holds for its reader
  double reader_bytes_per_s = 1e12;
};

class Simulation {
 public:
  explicit Simulation(const Path& given) : path(given), tokens_(given.bucket) {}

  // Frames at intervals (0: each as soon as the previous one is in the kernel). Readings at the
  // begin of each frame, and every 10 ms.
  std::vector<LinkCapacity> run(double seconds, std::uint64_t frame, double interval_s) {
    std::vector<LinkCapacity> readings;
    const double until = now_ + seconds;
    double due = now_, sample_at = now_, reading_at = now_;
    while (now_ < until) {
      const std::uint64_t unsent = written_ - sent_;
      if (frame > 0 && now_ >= due && unsent < 8192 && left_ == 0) {
        readings.push_back(meter.estimate(time()));
        meter.frame_begins(sample(), frame);
        left_ = frame;
        due = std::max(due + interval_s, interval_s > 0 ? now_ - interval_s : now_);
        sample_at = now_ + 1e-3;
      }
      if (left_ > 0 && unsent < 8192) {
        const std::uint64_t chunk = std::min<std::uint64_t>(left_, 16384);
        written_ += chunk;
        left_ -= chunk;
      }
      step();
      if ((left_ > 0 || meter.outstanding() || written_ > acked_) && now_ >= sample_at) {
        meter.sample(sample());
        sample_at = now_ + std::chrono::duration<double>(meter.sample_after()).count();
      }
      if (now_ >= reading_at) {
        readings.push_back(meter.estimate(time()));
        reading_at += 0.01;
      }
    }
    return readings;
  }

  BandwidthMeter meter;
  Path path;
  std::uint64_t first_byte = 0;  // where the kernel's counters begin

 private:
  static constexpr double step_s = 2e-5;

  BandwidthMeter::Time time() const {
    return BandwidthMeter::Time(microseconds(static_cast<std::int64_t>(now_ * 1e6)));
  }
  BandwidthMeter::Sample sample() const {
    BandwidthMeter::Sample sample;
    sample.time = time();
    sample.written_bytes = written_;
    sample.tcp.delivered_bytes = acked_;
    sample.tcp.unsent_bytes = written_ - sent_;
    sample.tcp.receiver_limited_us = static_cast<std::uint64_t>(limited_s_ * 250) * 4000;
    sample.tcp.segment_bytes = packet;
    sample.tcp.min_rtt_us = static_cast<std::uint32_t>(path.round_trip_s * 1e6);
    const double queue_s = static_cast<double>(sent_ - through_) / path.bytes_per_s;
    sample.tcp.rtt_us = static_cast<std::uint32_t>((path.round_trip_s + queue_s) * 1e6);
    sample.tcp.unacked_packets = static_cast<std::uint32_t>((sent_ - acked_) / packet);
    sample.tcp.window = static_cast<std::uint32_t>(path.window / packet);
    return sample;
  }
  void step() {
    now_ += step_s;
    // The reader, and the window that it leaves open.
    reader_ += path.reader_bytes_per_s * step_s;
    const auto read = std::min<double>(reader_, static_cast<double>(received_ - read_));
    read_ += static_cast<std::uint64_t>(read);
    reader_ = std::min(reader_ - read, 1e5);
    const std::uint64_t open = read_ + path.receive_buffer;
    const std::uint64_t may = std::min({written_, acked_ + path.window, std::max(open, sent_)});
    if (may < written_ && may == std::max(open, sent_) && sent_ + packet > open)
      limited_s_ += step_s;
    while (sent_ < may && (may - sent_ >= packet || may == written_)) {
      sent_ += std::min<std::uint64_t>(packet, may - sent_);
    }
    // The narrowest point sends packet by packet.
    tokens_ = std::min(tokens_ + path.bytes_per_s * step_s, path.bucket + packet);
    while (through_ < sent_ && tokens_ >= static_cast<double>(packet)) {
      const std::uint64_t bytes = std::min<std::uint64_t>(packet, sent_ - through_);
      tokens_ -= static_cast<double>(bytes);
      through_ += bytes;
      on_the_way_.push_back({now_ + path.round_trip_s, through_});
    }
    while (!on_the_way_.empty() && on_the_way_.front().first <= now_) {
      received_ = acked_ = on_the_way_.front().second;
      on_the_way_.pop_front();
    }
  }

  double now_ = 100, tokens_ = 0, reader_ = 0, limited_s_ = 0;
  std::uint64_t written_ = 0, sent_ = 0, through_ = 0, acked_ = 0, received_ = 0, read_ = 0;
  std::uint64_t left_ = 0;  // of the frame that is being written
  std::deque<std::pair<double, std::uint64_t>> on_the_way_;
};

struct Share {
  double measured = 0, at_least = 0, unknown = 0, median = 0, greatest_at_least = 0;
};

Share summarize(const std::vector<LinkCapacity>& readings, std::size_t from) {
  Share share;
  std::vector<double> rates;
  for (std::size_t i = from; i < readings.size(); ++i) {
    const LinkCapacity& each = readings[i];
    if (each.capacity == Capacity::measured) rates.push_back(each.bits_per_second);
    if (each.capacity == Capacity::at_least) {
      ++share.at_least;
      share.greatest_at_least = std::max(share.greatest_at_least, each.bits_per_second);
    }
    if (each.capacity == Capacity::unknown) {
      ++share.unknown;
      CHECK(each.bits_per_second == 0);
    } else {
      CHECK(each.bits_per_second > 0);
    }
  }
  const auto count = static_cast<double>(readings.size() - from);
  share.measured = static_cast<double>(rates.size()) / count;
  share.at_least /= count;
  share.unknown /= count;
  std::sort(rates.begin(), rates.end());
  if (!rates.empty()) share.median = rates[rates.size() / 2];
  return share;
}

bool within(double value, double expected, double share) {
  return std::abs(value / expected - 1) <= share;
}

Path path_of(double mbit, double bucket = 15000) {
  Path path;
  path.bytes_per_s = mbit * 1e6 / 8;
  path.bucket = std::max(bucket, mbit * 125);  // one millisecond
  return path;
}

TEST_CASE("meter: a full link, for many rates and frame sizes") {
  for (const double mbit : {1.0, 10.0, 50.0, 250.0, 1000.0}) {
    for (const std::uint64_t frame : {10'000, 75'000, 1'000'000}) {
      CAPTURE(mbit);
      CAPTURE(frame);
      Simulation link(path_of(mbit));
      const auto readings = link.run(3, frame, 0);
      const Share got = summarize(readings, readings.size() / 2);
      CHECK(got.measured > 0.95);
      CHECK(within(got.median, mbit * 1e6, 0.03));
    }
  }
}

TEST_CASE("meter: frames with gaps, after which a token bucket passes bytes at once") {
  for (const double mbit : {10.0, 50.0, 250.0, 1000.0}) {
    for (const double load : {0.3, 0.6}) {
      for (const std::uint64_t frame : {75'000, 1'000'000}) {
        CAPTURE(mbit);
        CAPTURE(load);
        CAPTURE(frame);
        const double frame_s = 8 * static_cast<double>(frame) / (mbit * 1e6);
        if (frame_s > 0.5) continue;
        Simulation link(path_of(mbit));
        const auto readings = link.run(3, frame, frame_s / load);
        const Share got = summarize(readings, readings.size() / 2);
        // Frames that pass within a few samples are not reported as measured.
        if (frame_s > 0.01) CHECK(got.measured > 0.9);
        if (got.measured > 0) CHECK(within(got.median, mbit * 1e6, 0.07));
        CHECK(got.greatest_at_least < 1.1 * mbit * 1e6);
        CHECK(got.unknown == 0);
      }
    }
  }
}

TEST_CASE("meter: frames that fit in the bucket give only a lower bound") {
  Simulation link(path_of(50, 60'000));
  const auto readings = link.run(3, 40'000, 0.02);  // 16 Mbit/s
  const Share got = summarize(readings, readings.size() / 2);
  CHECK(got.at_least == 1);
  CHECK(within(got.greatest_at_least, 16e6, 0.1));
}

TEST_CASE("meter: a slow reader on a fast link is not a slow link") {
  Path path = path_of(1000);
  path.receive_buffer = 200'000;
  path.reader_bytes_per_s = 2.5e6;  // 20 Mbit/s
  Simulation link(path);
  const auto readings = link.run(4, 300'000, 0);
  for (const LinkCapacity& each : readings) {
    if (each.capacity == Capacity::measured) CHECK(each.bits_per_second > 0.8e9);
  }
  const Share got = summarize(readings, readings.size() / 2);
  CHECK(got.at_least == 1);
  CHECK(within(got.greatest_at_least, 20e6, 0.15));
  // The reader becomes fast: the link is the limit again.
  link.path.reader_bytes_per_s = 1e12;
  CHECK(summarize(link.run(1, 300'000, 0), 50).median > 0.9e9);
}

TEST_CASE("meter: a window too small for the round trip is not the link") {
  Path path = path_of(1000);
  path.round_trip_s = 0.05;
  path.window = 100'000;  // 16 Mbit/s
  Simulation link(path);
  const auto readings = link.run(3, 300'000, 0);
  const Share got = summarize(readings, readings.size() / 2);
  CHECK(got.measured == 0);
  CHECK(got.at_least == 1);
  // The same round trip with a window that fills the path.
  path.window = 10'000'000;
  Simulation filled(path);
  const auto full = filled.run(3, 3'000'000, 0);
  CHECK(within(summarize(full, full.size() / 2).median, 1e9, 0.05));
}

TEST_CASE("meter: an idle link is unknown, before the first frame and after the last") {
  Simulation link(path_of(100));
  CHECK(summarize(link.run(1, 0, 0), 0).unknown == 1);
  link.run(1, 100'000, 0);
  CHECK(summarize(link.run(1.5, 0, 0), 0).unknown == 0);
  link.run(1.5, 0, 0);
  CHECK(summarize(link.run(5, 0, 0), 0).unknown == 1);
  const Share again = summarize(link.run(1, 100'000, 0), 60);
  CHECK(again.measured == 1);
  CHECK(within(again.median, 100e6, 0.03));
}

TEST_CASE(
    "meter: a decrease is seen within half a second, also in the middle of a frame, and an "
    "increase") {
  for (const std::uint64_t frame : {75'000, 10'000'000}) {
    CAPTURE(frame);
    Simulation link(path_of(250));
    link.run(2, frame, 0);
    for (const double mbit : {25.0, 250.0, 50.0, 500.0, 2.0, 100.0}) {
      CAPTURE(mbit);
      link.path.bytes_per_s = mbit * 1e6 / 8;
      link.run(0.5, frame, 0);
      CHECK(within(link.run(0.02, frame, 0).back().bits_per_second, mbit * 1e6, 0.25));
      const Share later = summarize(link.run(0.5, frame, 0), 10);
      CHECK(later.measured == 1);
      CHECK(within(later.median, mbit * 1e6, 0.07));
    }
  }
}

TEST_CASE("meter: a stopped link is soon no longer reported as fast") {
  Simulation link(path_of(100));
  link.run(1, 1'000'000, 0);
  link.path.bytes_per_s = 1;
  const auto readings = link.run(1, 1'000'000, 0);
  CHECK(readings.back().bits_per_second < 5e6);
}

TEST_CASE("tcp info: fields, and a struct of an older kernel") {
  tcp_info raw{};
  raw.tcpi_bytes_acked = (std::uint64_t{7} << 32) + 5;  // past 32 bits
  raw.tcpi_sacked = 2;
  raw.tcpi_snd_mss = 1448;
  raw.tcpi_notsent_bytes = 11;
  raw.tcpi_rwnd_limited = 4000;
  raw.tcpi_sndbuf_limited = 8000;
  raw.tcpi_rtt = 300;
  raw.tcpi_min_rtt = 200;
  raw.tcpi_unacked = 9;
  raw.tcpi_snd_cwnd = 10;
  raw.tcpi_max_pacing_rate = ~std::uint64_t{0};   // none
  std::vector<std::byte> bytes(sizeof raw + 64);  // a newer kernel's may be longer
  std::memcpy(bytes.data(), &raw, sizeof raw);
  const auto info = parse_tcp_info(bytes);
  REQUIRE(info);
  CHECK(info->delivered_bytes == raw.tcpi_bytes_acked + 2 * 1448);
  CHECK(info->unsent_bytes == 11);
  CHECK(info->receiver_limited_us == 4000);
  CHECK(info->buffer_limited_us == 8000);
  CHECK(info->segment_bytes == 1448);
  CHECK(info->rtt_us == 300);
  CHECK(info->min_rtt_us == 200);
  CHECK(info->unacked_packets == 9);
  CHECK(info->window == 10);
  CHECK_FALSE(info->paced);
  raw.tcpi_max_pacing_rate = 125'000;
  std::memcpy(bytes.data(), &raw, sizeof raw);
  CHECK(parse_tcp_info(bytes)->paced);
  constexpr std::size_t enough = offsetof(tcp_info, tcpi_sndbuf_limited) + 8;
  CHECK(parse_tcp_info(std::span(bytes).first(enough)));
  CHECK_FALSE(parse_tcp_info(std::span(bytes).first(enough - 1)));
  CHECK_FALSE(parse_tcp_info({}));
  CHECK_FALSE(read_tcp_info(-1));
}

}  // namespace
}  // namespace quantring::net
