#pragma once
// A stage, its output link and the next stage, with a controller in the loop. Independent of the
// controller's arithmetic: bytes cross a link whose speed changes, and a meter looks at it.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "engine/control/controller.h"

namespace quantring::simulated {

struct LinkPhase {
  double begin_s;
  double bits_per_second;
};

struct Meter {
  // `bursts`: whatever is sent is a burst that shows the link's speed. `filled`: only a link that
  // is busy nearly all the time is measured, else the speed of what was sent is a bound.
  // `kernel`: as bursts, but a link that is faster than 500 Mbit/s swallows all that is sent.
  enum class Kind { bursts, filled, kernel } kind = Kind::bursts;
  double looks_back_s = 0.5;
  double noise = 0.1;          // evenly within +- this
  int noise_holds = 1;         // micro-batches with the same error: a meter averages over time
  double outlier_every = 0;    // micro-batches, on average, never two within ten; 0: none
  double factor = 1;           // wrong by this, always
  double wrong_from_s = 1e30;  // factor counts from here on
};

struct Setting {
  TensorShape shape{.images = 64, .tokens = 197, .dim = 768};
  std::vector<LinkPhase> link{{0, 1e9}};
  double compute_rate = 115;    // images/s of the sending stage
  double receiver_rate = 1000;  // of the next
  bool tells_compute_rate = false;
  int queued = 2;                    // frames that are encoded and not with the kernel yet
  int credits = 4;                   // frames that are sent and not consumed
  double kernel_bytes = 128 * 1024;  // taken before they are on the link
  double bucket_bytes = 15e3 / 8;    // a token bucket's burst
  double latency_s = 0.05;
  double real_size = 1;  // over the expected one, of what is entropy coded
  Meter meter;
  unsigned seed = 1;
};

struct Sent {
  CodecSpec codec;
  double chosen_s, left_s, arrived_s;
};

class Link {
 public:
  explicit Link(const Setting& setting) : phases_(setting.link), bucket_(setting.bucket_bytes) {
    tokens_ = bucket_;
  }

  double speed(double t) const {
    double bps = phases_.front().bits_per_second;
    for (const LinkPhase& phase : phases_)
      if (phase.begin_s <= t) bps = phase.bits_per_second;
    return bps;
  }
  // When the last of so many bytes has crossed, if the first may not begin before `t`.
  double cross(double t, double bytes) {
    double now = std::max(t, free_at_);
    tokens_ = std::min(bucket_, tokens_ + (now - free_at_) * speed(now) / 8);
    const double at_once = std::min(tokens_, bytes);
    tokens_ -= at_once;
    double bits = 8 * (bytes - at_once);
    busy_from_ = now;
    while (bits > 0) {
      const double end = next_change(now);
      const double room = (end - now) * speed(now);
      if (room < bits) {
        cross_part(now, end);
        bits -= room;
        now = end;
      } else {
        const double done = now + bits / speed(now);
        cross_part(now, done);
        now = done;
        bits = 0;
      }
    }
    return free_at_ = now;
  }
  double free_at() const { return free_at_; }

  // Seconds busy and bits crossed within [from, to].
  struct Seen {
    double busy_s = 0, bits = 0;
  };
  Seen seen(double from, double to) {
    while (!parts_.empty() && parts_.front().end < from - 5) parts_.pop_front();
    Seen result;
    for (const Part& part : parts_) {
      const double a = std::max(from, part.begin), b = std::min(to, part.end);
      if (b <= a) continue;
      result.busy_s += b - a;
      result.bits += (b - a) * part.bps;
    }
    return result;
  }

 private:
  struct Part {
    double begin, end, bps;
  };
  double next_change(double t) const {
    for (const LinkPhase& phase : phases_)
      if (phase.begin_s > t) return phase.begin_s;
    return 1e30;
  }
  void cross_part(double begin, double end) {
    if (end > begin) parts_.push_back({begin, end, speed(begin)});
  }

  std::vector<LinkPhase> phases_;
  double bucket_, tokens_ = 0, free_at_ = 0, busy_from_ = 0;
  std::deque<Part> parts_;
};

// Sends micro-batches until `frames` of them or `until_s`.
class Run {
 public:
  Run(const Setting& setting, const ControllerOptions& options)
      : setting_(setting), controller_(options), link_(setting), random_(setting.seed) {}

  void frames(std::size_t count) {
    while (sent_.size() < count) step();
  }
  void until(double seconds) {
    while (sent_.empty() || sent_.back().chosen_s < seconds) step();
  }

  const Controller& controller() const { return controller_; }
  const std::vector<Sent>& sent() const { return sent_; }

  // Images that had left the link for the next stage, per second of [from, to].
  double images_per_second(double from, double to) const {
    double images = 0;
    for (const Sent& frame : sent_)
      if (frame.left_s > from && frame.left_s <= to) images += setting_.shape.images;
    return images / (to - from);
  }
  // Changes of the point from this micro-batch on.
  std::size_t changes_after(std::size_t frame) const {
    std::size_t changes = 0;
    for (std::size_t i = std::max<std::size_t>(frame, 1); i < sent_.size(); ++i)
      if (!(sent_[i].codec == sent_[i - 1].codec)) ++changes;
    return changes;
  }

 private:
  void step() {
    const std::size_t n = sent_.size();
    // Room in the queue: frame n - queued has left for the kernel.
    double t = computed_;
    if (n >= static_cast<std::size_t>(setting_.queued) + 1)
      t = std::max(t, sent_[n - static_cast<std::size_t>(setting_.queued) - 1].left_s);
    const CodecSpec codec = controller_.choose(observe(t));
    computed_ = t + setting_.shape.images / setting_.compute_rate;

    // One frame at a time is with the kernel, and the receiver has room for `credits`.
    double start = computed_;
    if (n > 0) start = std::max(start, sent_[n - 1].left_s);
    const auto credits = static_cast<std::size_t>(setting_.credits);
    if (n >= credits && consumed_[n - credits] > start) {
      waits_.push_back({consumed_[n - credits], consumed_[n - credits] - start});
      start = consumed_[n - credits];
    }
    const double size = needs_tables(codec.id) ? setting_.real_size : 1;
    const double bytes = size * expected_bits(codec, setting_.shape) / 8 + 56;
    // What the kernel holds back of it crosses after it has "left".
    const double held = std::min(bytes, setting_.kernel_bytes);
    const double most = link_.cross(start, bytes - held);
    const double left = bytes > held ? most : std::max(start, backlog_gone(start));
    const double crossed = link_.cross(start, held);
    begun_.push_back({start, bytes - 56});
    sent_.push_back({codec, t, left, crossed + setting_.latency_s});
    sending_.push_back({left, left - start});
    const double ready =
        n > 0 ? std::max(consumed_.back(), sent_.back().arrived_s) : sent_.back().arrived_s;
    consumed_.push_back(ready + setting_.shape.images / setting_.receiver_rate);
  }
  double backlog_gone(double start) const { return std::max(start, link_.free_at()); }

  LinkObservation observe(double t) {
    LinkObservation seen;
    seen.time_s = t;
    seen.next = setting_.shape;
    if (setting_.tells_compute_rate)
      seen.needed_rate = std::min(setting_.compute_rate, setting_.receiver_rate);
    while (begun_seen_ < begun_.size() && begun_[begun_seen_].first <= t)
      bytes_ += static_cast<std::uint64_t>(begun_[begun_seen_++].second);
    while (left_seen_ < sending_.size() && sending_[left_seen_].first <= t)
      sending_s_ += sending_[left_seen_++].second;
    while (waits_seen_ < waits_.size() && waits_[waits_seen_].first <= t)
      wait_s_ += waits_[waits_seen_++].second;
    seen.frames = begun_seen_;
    seen.images = begun_seen_ * setting_.shape.images;
    seen.payload_bytes = bytes_;
    seen.sending_s = sending_s_;
    seen.credit_wait_s = wait_s_;
    meter(t, seen);
    return seen;
  }

  void meter(double t, LinkObservation& seen) {
    const double back = setting_.meter.looks_back_s;
    const double from = std::max(0.0, t - back);
    const Link::Seen crossed = link_.seen(from, t);
    if (crossed.bits <= 0) return;
    const double busy = crossed.busy_s / std::max(t - from, 1e-9);
    seen.capacity = Capacity::measured;
    seen.capacity_bps = crossed.bits / crossed.busy_s;
    if ((setting_.meter.kind == Meter::Kind::filled && busy < 0.85) ||
        (setting_.meter.kind == Meter::Kind::kernel && seen.capacity_bps > 500e6)) {
      seen.capacity = Capacity::at_least;
      seen.capacity_bps = crossed.bits / (t - from);
    }
    std::uniform_real_distribution<double> even(-1, 1);
    if (readings_++ % setting_.meter.noise_holds == 0) error_ = even(random_);
    seen.capacity_bps *= 1 + setting_.meter.noise * error_;
    if (t >= setting_.meter.wrong_from_s || setting_.meter.wrong_from_s == 1e30)
      seen.capacity_bps *= setting_.meter.factor;
    ++since_outlier_;
    if (setting_.meter.outlier_every > 0 && since_outlier_ > 10 &&
        even(random_) > 1 - 2 / setting_.meter.outlier_every) {
      since_outlier_ = 0;
      seen.capacity = Capacity::measured;
      seen.capacity_bps *= even(random_) > 0 ? 0.02 : 30;
    }
  }

  Setting setting_;
  Controller controller_;
  Link link_;
  std::mt19937 random_;
  double computed_ = 0;
  std::vector<Sent> sent_;
  std::vector<double> consumed_;
  std::vector<std::pair<double, double>> begun_, sending_, waits_;
  std::size_t begun_seen_ = 0, left_seen_ = 0, waits_seen_ = 0;
  std::uint64_t bytes_ = 0;
  double sending_s_ = 0, wait_s_ = 0;
  int since_outlier_ = 0, readings_ = 0;
  double error_ = 0;
};

}  // namespace quantring::simulated
