#pragma once
// A whole ring in simulated time, a picture after the other: source, head's link, stages, coded
// links with their controllers, return link, and the head that tells the links what to carry. Its
// arithmetic is its own: each picture takes as long as the slowest part needs for it.

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "apps/session/node/adaptive_output.h"
#include "apps/session/ring/watch/link_targets.h"
#include "apps/session/ring/watch/worker_stats.h"
#include "engine/control/controller.h"
#include "engine/control/pixel_points.h"

namespace quantring::simulated {

struct WaySetting {
  // Mbit/s: head -> 0, 0 -> 1, ..., last -> head.
  std::vector<double> links;
  double compute_rate = 40;  // images/s of every stage
  double source_rate = 0;    // images/s; 0: files, as fast as can be
  double packed = 0.55;      // of the bytes of pixels, where the head packs
  bool jpeg = false;         // the head may send JPEGs, of the bytes that are expected
  ControllerOptions options;
  bool bursts = false;  // the meter measures at any load; else only when the link is nearly full
  double noise = 0.05;  // of the meter, evenly within +-
  unsigned seed = 1;
};

class Way {
 public:
  explicit Way(WaySetting setting)
      : setting_(std::move(setting)),
        stages_(setting_.links.size() - 1),
        targets_(setting_.options, shape_),
        random_(setting_.seed) {
    ControllerOptions link = setting_.options;
    if (stages_ > 1 && link.policy == Policy::ladder)
      link.floor = equal_floor(link.floor, stages_ - 1, link.ladder);
    if (link.policy == Policy::ladder) link.target_rate = 0;
    for (std::size_t i = 1; i < stages_; ++i) controllers_.push_back(Controller(link));
    asked_.resize(controllers_.size());
    stats_.stages.resize(stages_);
    changes_.resize(controllers_.size());
    for (const PixelPoint& point : pixel_points()) {
      if (point.codec.id == CodecId::jpeg && !setting_.jpeg) continue;
      const bool packs = point.codec.id == CodecId::packed_pixels;
      const double share = packs ? setting_.packed : point.share;
      head_.points.push_back(
          {point.codec, point.agreement, 8 * static_cast<double>(pixels_) * share});
    }
  }

  void set_link(std::size_t link, double mbps) { setting_.links[link] = mbps; }
  void until(double seconds) {
    while (now_ < seconds) step();
  }
  void forget_changes() { std::fill(changes_.begin(), changes_.end(), 0); }

  double now() const { return now_; }
  std::uint64_t images() const { return images_; }
  CodecSpec codec(std::size_t link) const { return controllers_[link - 1].current(); }
  int changes() const {
    int all = 0;
    for (const int each : changes_) all += each;
    return all;
  }
  double agreement() const {
    std::vector<CodecSpec> codecs;
    for (const Controller& each : controllers_) codecs.push_back(each.current());
    const double head = head_.points[head_.present].agreement;
    return setting_.options.ladder.empty()
               ? head
               : head / 100 * ring_agreement(codecs, setting_.options.ladder);
  }
  double least_agreement = 100;
  const RingLimit& limit() const { return targets_.limit(); }
  CodecSpec pixels() const { return head_.points[head_.present].codec; }

 private:
  double mbps(std::size_t link) const { return setting_.links[link]; }

  void step() {
    std::vector<double> bytes(setting_.links.size());
    bytes.front() = head_.points[head_.present].bits / 8 + 44;
    bytes.back() = 4 * 1000 + 44;
    for (std::size_t i = 0; i < controllers_.size(); ++i) {
      const CodecSpec before = controllers_[i].current();
      const CodecSpec codec = controllers_[i].choose(observed(i));
      changes_[i] += !(codec == before);
      bytes[i + 1] = expected_bits(codec, shape_) / 8 + 40;
    }
    least_agreement = std::min(least_agreement, agreement());
    double seconds = 1 / setting_.compute_rate;
    if (setting_.source_rate > 0) seconds = std::max(seconds, 1 / setting_.source_rate);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      seconds = std::max(seconds, 8e-6 * bytes[i] / mbps(i));
    now_ += seconds;
    ++images_;
    for (std::size_t i = 0; i < bytes.size(); ++i) count(link(i), bytes[i], mbps(i), seconds);
    for (std::size_t i = 0; i < stages_; ++i) {
      net::StageStats& stage = stats_.stages[i];
      stage.images = images_;
      stage.compute_s += 1 / (setting_.compute_rate * (1 + 0.02 * even()));
    }
    if (now_ >= next_report_) report();
  }

  void report() {
    next_report_ = now_ + 0.5;
    for (std::size_t i = 0; i < controllers_.size(); ++i) {
      WorkerStats worker;
      worker.has_output = true;
      worker.output.point = controllers_[i].current();
      stats_.stages[i].app_json = worker_stats_to_json(worker);
    }
    targets_.update(stats_, setting_.source_rate * 1.1, head_, now_);
    const auto news = targets_.news();
    for (std::size_t i = 0; news && i < asked_.size(); ++i)
      asked_[i] = link_target_from_json(*news, static_cast<int>(i));
    for (std::size_t at = 0; targets_.pixels() && at < head_.points.size(); ++at)
      if (head_.points[at].codec == *targets_.pixels()) head_.present = at;
  }

  net::LinkStats& link(std::size_t i) {
    return i == 0 ? stats_.input : stats_.stages[i - 1].output;
  }

  void count(net::LinkStats& to, double bytes, double mbps, double seconds) {
    ++to.frames;
    ++to.images;
    to.payload_bytes += static_cast<std::uint64_t>(bytes - 40);
    to.wire_bytes += static_cast<std::uint64_t>(bytes);
    const double sending = 8e-6 * bytes / mbps;
    to.sending_s += sending;
    const bool filled = setting_.bursts || sending >= 0.9 * seconds;
    to.capacity = filled ? net::Capacity::measured : net::Capacity::at_least;
    to.capacity_bps = (filled ? 1e6 * mbps : 8 * bytes / seconds) * (1 + setting_.noise * even());
  }

  LinkObservation observed(std::size_t i) const {
    return link_observation(stats_.stages[i].output, asked_[i], now_, shape_);
  }

  double even() { return std::uniform_real_distribution<double>(-1, 1)(random_); }

  static constexpr TensorShape shape_{1, 197, 192};  // DeiT-Tiny
  static constexpr std::uint64_t pixels_ = 3 * 224 * 224;
  WaySetting setting_;
  std::size_t stages_;
  LinkTargets targets_;
  PixelLink head_;
  std::mt19937 random_;
  std::vector<Controller> controllers_;
  std::vector<std::optional<LinkTarget>> asked_;
  std::vector<int> changes_;
  net::RingStats stats_;
  double now_ = 0, next_report_ = 0.5;
  std::uint64_t images_ = 0;
};

}  // namespace quantring::simulated
