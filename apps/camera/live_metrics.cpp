#include "apps/camera/live_metrics.h"

#include <limits>

#include "apps/report/prometheus_text.h"

namespace quantring::apps {
namespace {

double or_nan(double value) {
  return value > 0 ? value : std::numeric_limits<double>::quiet_NaN();
}

void add_run(PrometheusText& out, const LiveStatus& status) {
  out.family("quantring_build_info", "gauge", "Version of the software; always 1.");
  out.sample(1, {{"version", status.version}});
  out.family("quantring_model_info", "gauge", "Model file and its identity; always 1.");
  out.sample(1, {{"model", status.model}, {"hash", status.hash}});
  out.one("quantring_healthy", "gauge", "1 while the ring and the source work, else 0.",
          status.healthy ? 1 : 0);
  out.one("quantring_uptime_seconds", "gauge", "Time since the run began.", status.uptime_s);
  out.one("quantring_images_total", "counter", "Images classified.", status.images);
  out.one("quantring_images_per_second", "gauge", "Answers per second, over the last seconds.",
          status.images_per_s);
  out.family("quantring_target_images_per_second", "gauge", "Rate that was asked for (--target).");
  out.known(status.target_set ? status.needed_rate : 0);
  out.family("quantring_needed_images_per_second", "gauge",
             "Rate that every link must sustain: the target, or else the least of the source's and "
             "the slowest stage's.");
  out.known(status.needed_rate);
  out.family("quantring_latency_seconds", "summary",
             "From the arrival of a frame to its answer; quantiles over the last 10 s.");
  out.sample(or_nan(status.latency_p50_s), {{"quantile", "0.5"}});
  out.sample(or_nan(status.latency_p95_s), {{"quantile", "0.95"}});
  out.sample(status.latency_sum_s, {}, "_sum");
  out.sample(status.images, {}, "_count");
}

void add_source(PrometheusText& out, const LiveStatus& status) {
  out.one("quantring_source_open", "gauge", "1 while the source delivers, else 0.",
          status.feed.open ? 1 : 0);
  out.one("quantring_source_reopened_total", "counter", "Times that the source was reopened.",
          status.feed.reopened);
  out.one("quantring_frames_total", "counter", "Frames that arrived, including dropped ones.",
          status.feed.frames);
  out.one("quantring_frames_per_second", "gauge",
          "Frames that arrive per second, over the last seconds.", status.feed.frames_per_s);
  out.one("quantring_frames_dropped_total", "counter",
          "Frames that a newer one replaced before they were processed.", status.feed.dropped);
  out.family("quantring_frames_unreadable_total", "counter",
             "Frames that the source or the decoder could not read.");
  out.sample(status.feed.unreadable, {{"where", "source"}});
  out.sample(status.unreadable, {{"where", "decoder"}});
  out.one("quantring_frames_lost_total", "counter", "Frames in flight when the ring broke.",
          status.lost);
  out.one("quantring_ring_reconnects_total", "counter", "Times that the ring was reconnected.",
          status.reconnects);
}

template <typename Value>
void each_stage(PrometheusText& out, const LiveStatus& status, const char* name, const char* type,
                const char* help, Value value) {
  out.family(name, type, help);
  for (const LiveStage& stage : status.stages) {
    out.sample(value(stage), {{"stage", std::to_string(stage.stage)}});
  }
}

void add_stages(PrometheusText& out, const LiveStatus& status) {
  out.family("quantring_stage_info", "gauge",
             "Address, blocks, device and version of a stage; always 1.");
  for (const LiveStage& stage : status.stages) {
    out.sample(1, {{"stage", std::to_string(stage.stage)},
                   {"address", stage.address},
                   {"part", stage.range},
                   {"device", stage.device},
                   {"version", stage.version}});
  }
  each_stage(out, status, "quantring_stage_up", "gauge",
             "1 while a stage works, 0 when it is the lost one.",
             [](const LiveStage& stage) { return stage.lost ? 0 : 1; });
  each_stage(out, status, "quantring_stage_images_total", "counter",
             "Images that a stage computed, since the ring was connected.",
             [](const LiveStage& stage) { return stage.images; });
  each_stage(out, status, "quantring_stage_images_per_second", "gauge",
             "Images per second of a stage, over the last seconds.",
             [](const LiveStage& stage) { return stage.images_per_s; });
  each_stage(out, status, "quantring_stage_busy_ratio", "gauge",
             "Share of the last seconds in which a stage computed, 0 to 1.",
             [](const LiveStage& stage) { return stage.busy; });
  each_stage(out, status, "quantring_stage_resident_memory_bytes", "gauge",
             "Memory of a stage's process.",
             [](const LiveStage& stage) { return stage.resident_mb * 1e6; });
}

template <typename Value>
void each_link(PrometheusText& out, const LiveStatus& status, const char* name, const char* type,
               const char* help, Value value) {
  out.family(name, type, help);
  for (const LiveLink& link : status.links) out.sample(value(link), {{"link", link.name}});
}

void add_links(PrometheusText& out, const LiveStatus& status) {
  each_link(out, status, "quantring_link_bytes_per_second", "gauge",
            "Bytes per second sent on a link, with headers, over the last seconds.",
            [](const LiveLink& link) { return link.mbps * 1e6 / 8; });
  each_link(out, status, "quantring_link_busy_ratio", "gauge",
            "Share of the last seconds in which a link was sending, 0 to 1.",
            [](const LiveLink& link) { return link.busy; });
  out.family(
      "quantring_link_capacity_bytes_per_second", "gauge",
      "Bytes per second that a link can carry; kind: measured, or at_least (a lower bound).");
  for (const LiveLink& link : status.links) {
    if (link.capacity_kind == net::Capacity::unknown) continue;
    const bool measured = link.capacity_kind == net::Capacity::measured;
    out.known(link.capacity_mbps * 1e6 / 8,
              {{"link", link.name}, {"kind", measured ? "measured" : "at_least"}});
  }
  out.family("quantring_link_element_width", "gauge", "Bits per coded element.");
  for (const LiveLink& link : status.links) out.known(link.bits, {{"link", link.name}});
  out.family("quantring_link_agreement_ratio", "gauge",
             "Estimated share of first answers that this coding alone leaves unchanged, 0 to 1.");
  for (const LiveLink& link : status.links) {
    out.known(link.agreement_percent / 100, {{"link", link.name}});
  }
  out.family("quantring_link_codec_info", "gauge", "Codec of a link; always 1.");
  for (const LiveLink& link : status.links) {
    if (!link.codec.empty()) out.sample(1, {{"link", link.name}, {"codec", link.codec}});
  }
  out.family("quantring_link_round_trip_seconds", "gauge",
             "Shortest round trip of a link's TCP in five minutes.");
  for (const LiveLink& link : status.links) out.known(link.rtt_ms / 1e3, {{"link", link.name}});
  each_link(out, status, "quantring_link_bytes_total", "counter",
            "Bytes sent on a link, with headers, since the ring was connected.",
            [](const LiveLink& link) { return link.wire_bytes; });
  each_link(out, status, "quantring_link_frames_total", "counter",
            "Tensor messages sent on a link, since the ring was connected.",
            [](const LiveLink& link) { return link.frames; });
}

}  // namespace

std::string live_metrics(const LiveStatus& status) {
  PrometheusText out;
  add_run(out, status);
  add_source(out, status);
  add_stages(out, status);
  add_links(out, status);
  add_process_metrics(out);
  return out.take();
}

}  // namespace quantring::apps
