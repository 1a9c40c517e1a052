#include "apps/camera/live_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/report/report.h"
#include "apps/session/ring/watch/link_coding.h"
#include "apps/session/ring/watch/worker_stats.h"
#include "engine/codec/codec.h"
#include "engine/control/pixel_points.h"

namespace quantring::apps {
namespace {

// Nearest rank; sorted: not empty.
double percentile(const std::vector<double>& sorted, double fraction) {
  const auto rank =
      static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

// Nodes report their counters independently: a later value is never smaller, but one may be
// missing.
double rate(std::uint64_t before, std::uint64_t now, double seconds) {
  return seconds > 0 && now > before ? static_cast<double>(now - before) / seconds : 0;
}

double share(double before, double now, double seconds) {
  return seconds > 0 ? std::clamp((now - before) / seconds, 0.0, 1.0) : 0;
}

std::string coding_text(std::size_t link, std::size_t stages, const net::LinkStats& stats,
                        const LinkCoding& coding) {
  if (link == stages) return "logits";
  if (stats.frames == 0) return link == 0 ? "pixels" : "";
  return codec_text(coding.codec);
}

// 0: unknown. The codings of a fixed policy are in no ladder but the default one.
double agreement_of(CodecSpec codec, const Ladder& ladder) {
  for (const Ladder* each : {&ladder, &default_ladder()}) {
    for (const OperatingPoint& point : *each) {
      if (point.codec == codec) return point.agreement;
    }
  }
  return 0;
}

// What is shown of the links and stages of a lost ring.
void set_to_rest(LiveStatus& status) {
  for (LiveStage& stage : status.stages) stage.images_per_s = stage.busy = 0;
  for (LiveLink& link : status.links) link.mbps = link.busy = 0;
}

LiveLink live_link(std::size_t index, std::size_t stages, const net::LinkStats& before,
                   const net::LinkStats& now, double seconds, const LinkCoding& coding,
                   const OutputHistories& outputs, const Ladder& ladder) {
  LiveLink link;
  link.name = link_name(index, stages);
  link.mbps = rate(before.wire_bytes, now.wire_bytes, seconds) * 8e-6;
  link.busy = share(before.sending_s, now.sending_s, seconds);
  link.capacity_kind = now.capacity;
  link.capacity_mbps = now.capacity_bps * 1e-6;
  link.codec = coding_text(index, stages, now, coding);
  // Of the newest frames: the coding changes.
  net::LinkStats recent = now;
  recent.payload_bytes -= std::min(before.payload_bytes, now.payload_bytes);
  recent.images -= std::min(before.images, now.images);
  link.bits = bits_per_element(recent.images > 0 ? recent : now, coding);
  const bool coded = index > 0 && index < stages && now.frames > 0;
  if (coded) link.agreement_percent = agreement_of(coding.codec, ladder);
  if (coding.codec.id == CodecId::jpeg)
    link.agreement_percent = pixel_point(coding.codec).agreement;
  link.rtt_ms = now.rtt_s * 1e3;
  link.wire_bytes = now.wire_bytes;
  link.frames = now.frames;
  if (index > 0 && index <= outputs.size() && !outputs[index - 1].decisions.empty()) {
    link.decision = decision_text(outputs[index - 1].decisions.back());
  }
  return link;
}

LiveStage live_stage(const net::StageStats& before, const net::StageStats& now, double seconds,
                     const StageRange& range) {
  const WorkerStats worker = worker_stats_from_json(now.app_json);
  LiveStage stage;
  stage.stage = now.stage;
  stage.address = now.address;
  stage.range = range_text(range);
  stage.device = worker.device;
  stage.version = now.version;
  stage.images = now.images;
  stage.images_per_s = rate(before.images, now.images, seconds);
  stage.busy = share(before.compute_s, now.compute_s, seconds);
  stage.resident_mb = worker.resident_mb;
  return stage;
}

}  // namespace

void LiveMeter::answered(Time now, double latency_s) {
  latencies_.push_back({now, latency_s});
  while (now - latencies_.front().time > latency_window) latencies_.pop_front();
}

void LiveMeter::new_session() {
  samples_.clear();
}

void LiveMeter::measure(Time now, std::uint64_t images, const net::RingStats& ring,
                        const OutputHistories& outputs, const std::vector<StageRange>& ranges,
                        const ControllerOptions& controller, LiveStatus& status) {
  samples_.push_back({now, images, ring});
  // One sample older than the window stays: the rate is over the whole of it.
  while (samples_.size() > 2 && now - samples_[1].time >= rate_window) samples_.pop_front();
  const Sample& before = samples_.front();
  const double seconds = std::chrono::duration<double>(now - before.time).count();
  status.images_per_s = rate(before.images, images, seconds);

  while (!latencies_.empty() && now - latencies_.front().time > latency_window) {
    latencies_.pop_front();
  }
  std::vector<double> sorted;
  for (const Latency& each : latencies_) sorted.push_back(each.seconds);
  std::sort(sorted.begin(), sorted.end());
  status.latency_p50_s = sorted.empty() ? 0 : percentile(sorted, 0.5);
  status.latency_p95_s = sorted.empty() ? 0 : percentile(sorted, 0.95);

  const std::size_t stages = std::min(ring.stages.size(), ranges.size());
  if (stages == 0 || before.ring.stages.size() != ring.stages.size()) return set_to_rest(status);
  status.stages.clear();
  status.links.clear();
  status.needed_rate = 0;
  for (std::size_t i = 0; i < stages; ++i) {
    status.stages.push_back(live_stage(before.ring.stages[i], ring.stages[i], seconds, ranges[i]));
  }
  const auto links = ring_links(ring), links_before = ring_links(before.ring);
  for (std::size_t i = 0; i < links.size(); ++i) {
    status.links.push_back(live_link(i, stages, links_before[i], links[i], seconds,
                                     link_coding(ring, i), outputs, controller.ladder));
  }
  for (const OutputHistory& output : outputs) {
    status.needed_rate = std::max(status.needed_rate, output.last.target_rate);
  }
  status.target_set = controller.target_rate > 0;
}

}  // namespace quantring::apps
