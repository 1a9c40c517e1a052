#include "net/hop/bandwidth_meter.h"

#include <algorithm>

namespace quantring::net {
namespace {

using std::chrono::milliseconds;

// Of a full link, to average over: longer than the oscillations of a congestion control.
constexpr double max_window_s = 0.25;
// Needed to detect that the rate has changed, and to report `measured`.
constexpr int min_spans = 4;
constexpr double change_window_s = 0.02, min_window_s = 0.01;
constexpr double change = 1.25;
constexpr milliseconds span_age{2000}, idle_after{2500}, traffic_window{1000}, traffic_step{50},
    min_traffic_age{200};
constexpr std::chrono::microseconds min_step{500}, max_step{20000};
constexpr double min_train_steps = 8;  // length of a train over the time between two samples
// Bytes in a token bucket, and the time in which it lets them through: rarely more.
constexpr double max_bucket = 1 << 20;
constexpr milliseconds max_skip{100};
// Packets of the congestion window. Smaller ones occur only in bbr's probe of the empty path, every
// ten seconds, and after a timeout.
constexpr std::uint32_t min_congestion_window = 4;
// Share of the time in which something else than the link limited the rate.
constexpr double held_share = 0.1, window_bound_share = 0.5;

double seconds(BandwidthMeter::Time from, BandwidthMeter::Time to) {
  return std::chrono::duration<double>(to - from).count();
}

std::uint64_t held_us(const TcpInfo& tcp) {
  return tcp.receiver_limited_us + tcp.buffer_limited_us;
}

// Bytes sent since the connection began. On a paced link the pace is the narrowest point, so bytes
// that wait for it count as sent.
std::uint64_t in_flight_until(const BandwidthMeter::Sample& sample) {
  if (sample.tcp.paced) return sample.written_bytes;
  return sample.written_bytes - std::min(sample.written_bytes, sample.tcp.unsent_bytes);
}

bool window_bound(const TcpInfo& tcp) {
  return tcp.unacked_packets + 1 >= tcp.window &&
         4 * std::uint64_t{tcp.rtt_us} < 5 * std::uint64_t{tcp.min_rtt_us};
}

}  // namespace

bool BandwidthMeter::Sum::enough(double min_s) const {
  return spans >= min_spans && seconds >= min_s;
}

void BandwidthMeter::Sum::add(const Span& span) {
  ++spans;
  seconds += span.seconds;
  bytes += span.bytes;
  held_s += span.held_s;
  if (span.window_bound) window_bound_s += span.seconds;
  max_bytes = std::max(max_bytes, span.bytes);
}

void BandwidthMeter::frame_begins(const Sample& now, std::uint64_t frame_bytes) {
  const bool rested = now.time - last_data_ > traffic_window;
  const double idle_s = seconds(last_.time, now.time);
  sample(now);
  frame_bytes_ = frame_bytes;
  last_data_ = now.time;
  if (rested) traffic_.assign(1, {now.time, acked_});
  if (!outstanding_) {
    full_ = false;
    begin_gap(idle_s);
  }
}

// idle_s: upper bound of the idle time, in which a token bucket may have filled.
void BandwidthMeter::begin_gap(double idle_s) {
  head_.clear();
  train_s_ = 0;
  long_train_ = false;
  skip_until_ = last_.time + max_skip;
  skip_bytes_ = std::min(static_cast<double>(frame_bytes_) / 3, max_bucket);
  const LinkCapacity known = estimate(last_.time);
  if (known.capacity == Capacity::measured) {
    skip_bytes_ = std::min(skip_bytes_, 2 * idle_s * known.bits_per_second / 8);
  }
}

void BandwidthMeter::sample(const Sample& now) {
  if (traffic_.empty()) {
    last_ = advanced_ = now;
    traffic_.push_back({now.time, now.tcp.delivered_bytes});
  }
  // The acknowledgement of less than two full packets may be delayed: they are not counted.
  const std::uint64_t little = 2 * std::uint64_t{now.tcp.segment_bytes};
  const std::uint64_t acked = std::max(acked_, now.tcp.delivered_bytes);
  outstanding_ = acked + little < now.written_bytes;
  if (acked > acked_) {
    // Pacing sends in large pieces, perhaps everything at once; bytes written later are in time.
    const std::uint64_t before = in_flight_until(now.tcp.paced ? now : last_);
    advance(now, acked - acked_, acked + little < before);
    acked_ = acked;
    last_data_ = now.time;
  }
  full_ = full_ && acked + little < in_flight_until(now);
  last_ = now;
  next_step();
  while (traffic_.size() > 1 && traffic_[1].time <= now.time - traffic_window) traffic_.pop_front();
  if (now.time >= traffic_.back().time + traffic_step) traffic_.push_back({now.time, acked_});
}

// Bytes were acknowledged. `rest`: some bytes in flight at the previous sample still are.
void BandwidthMeter::advance(const Sample& now, std::uint64_t bytes, bool rest) {
  Span span;
  span.late_s = seconds(last_.time, now.time);
  span.seconds = seconds(advanced_.time, now.time);
  span.bytes = static_cast<double>(bytes);
  span.end = now.time;
  latest_rate_ = span.bytes / span.seconds;
  span.held_s = static_cast<double>(held_us(now.tcp) - held_us(advanced_.tcp)) / 1e6;
  span.window_bound = window_bound(now.tcp);
  // Everything in flight was acknowledged, at a time that is known precisely enough.
  const bool end = !rest && bytes > 2 * std::uint64_t{now.tcp.segment_bytes} &&
                   span.late_s < 0.1 * (train_s_ + span.seconds);
  // The begin, too, is known only to within a sample, unless every sample saw progress.
  if (end && last_.time == advanced_.time) span.seconds -= span.late_s / 2;
  const bool counts = skip_bytes_ <= 0 && full_ && (rest || end);
  if (skip_bytes_ > 0) skip_bytes_ = now.time < skip_until_ ? skip_bytes_ - span.bytes : 0;
  if (!counts) begin_late_s_ = span.late_s;
  if (counts && now.tcp.window > min_congestion_window) extend_train(span);
  if (full_ && !rest) {
    begin_gap(span.late_s);
    step_ = min_step;  // perhaps the rest was missed between two samples
  }
  full_ = true;
  advanced_ = now;
}

// A train counts once its length is known well: its ends are known to within the time between two
// samples.
void BandwidthMeter::extend_train(const Span& span) {
  train_s_ += span.seconds;
  if (long_train_) return keep(span);
  head_.push_back(span);
  cut_head();
  if (head_.size() < 2 || train_s_ < min_train_steps * std::max(begin_late_s_, span.late_s)) return;
  long_train_ = true;
  for (const Span& each : head_) keep(each);
  head_.clear();
}

// Where the head of the train was much faster than the rest, a token bucket was larger than what
// was skipped: the rest shows the link.
void BandwidthMeter::cut_head() {
  Sum head, tail;
  for (const Span& each : head_) tail.add(each);
  for (std::size_t i = 0; i + 1 < head_.size(); ++i) {
    head.add(head_[i]);
    tail.seconds -= head_[i].seconds;
    tail.bytes -= head_[i].bytes;
    if (tail.seconds < head.seconds) return;
    if (head.bytes * tail.seconds > 2 * tail.bytes * head.seconds) {
      begin_late_s_ = head_[i].late_s;
      train_s_ = tail.seconds;
      head_.erase(head_.begin(), head_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      return;
    }
  }
}

void BandwidthMeter::keep(const Span& span) {
  spans_.push_back(span);
  Sum all;
  for (const Span& each : spans_) all.add(each);
  while (all.seconds - spans_.front().seconds > max_window_s) {
    all.seconds -= spans_.front().seconds;
    all.bytes -= spans_.front().bytes;
    spans_.pop_front();
  }
  // If the latest part differs from the whole, the link has changed: only that part counts.
  Sum latest;
  auto begin = spans_.end();
  while (begin != spans_.begin() && !latest.enough(change_window_s)) latest.add(*--begin);
  const double ratio = latest.bytes / latest.seconds / (all.bytes / all.seconds);
  if (latest.enough(change_window_s) && (ratio > change || ratio * change < 1)) {
    spans_.erase(spans_.begin(), begin);
  }
}

LinkCapacity BandwidthMeter::estimate(Time now) const {
  if (traffic_.empty() || now - last_data_ > idle_after) return {};
  Sum sum;
  for (const Span& each : spans_) {
    if (now - each.end <= span_age) sum.add(each);
  }
  if (!sum.enough(min_window_s)) return traffic(now);
  // A link that has become slow shows in missing acknowledgements: the waiting time counts, too.
  const double waiting_s = seconds(advanced_.time, last_.time);
  if (full_ && skip_bytes_ <= 0 && sum.max_bytes / waiting_s < sum.bytes / sum.seconds) {
    Span waiting;
    waiting.seconds = waiting_s;
    waiting.bytes = sum.max_bytes;
    waiting.held_s = static_cast<double>(held_us(last_.tcp) - held_us(advanced_.tcp)) / 1e6;
    sum = {};
    sum.add(waiting);
    for (auto each = spans_.rbegin(); each != spans_.rend() && sum.seconds < max_window_s; ++each) {
      if (now - each->end <= span_age) sum.add(*each);
    }
  }
  if (sum.held_s > held_share * sum.seconds ||
      sum.window_bound_s > window_bound_share * sum.seconds) {
    return traffic(now);
  }
  return {Capacity::measured, 8 * sum.bytes / sum.seconds};
}

LinkCapacity BandwidthMeter::traffic(Time now) const {
  if (now - traffic_.front().time < min_traffic_age || acked_ == traffic_.front().acked) return {};
  return {Capacity::at_least, 8 * static_cast<double>(acked_ - traffic_.front().acked) /
                                  seconds(traffic_.front().time, now)};
}

// Often enough to see parts of a frame: not everything in flight may be acknowledged between two
// samples.
void BandwidthMeter::next_step() {
  const LinkCapacity known = estimate(last_.time);
  if (known.capacity != Capacity::measured) {
    step_ = min_step;
    return;
  }
  const double frame_s = 8 * static_cast<double>(frame_bytes_) / known.bits_per_second;
  const auto parts = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::duration<double>(std::min(frame_s / 32, 1.0)));
  const double in_flight = static_cast<double>(in_flight_until(last_)) -
                           static_cast<double>(std::min(acked_, in_flight_until(last_)));
  const auto empty_in = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::duration<double>(std::min(in_flight / latest_rate_, 1.0)));
  step_ = std::clamp(std::min(parts, empty_in / 2), min_step, std::min(max_step, step_ * 11 / 10));
}

}  // namespace quantring::net
