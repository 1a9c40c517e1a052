#pragma once
// A status with a different value in every field.

#include "apps/camera/live_status.h"

namespace quantring::test {

inline apps::LiveStatus sample_status() {
  apps::LiveStatus status;
  status.time = "2024-02-29T23:59:59.042Z";
  status.version = "9.8.7";
  status.model = "models/a \"quoted\\\" model\n.safetensors";
  status.hash = "cafe";
  status.source = "rtsp://camera/1";
  status.state = "running";
  status.healthy = true;
  status.limit = "Link 0 -> 1 limits the ring.";
  status.uptime_s = 12.25;
  status.feed.frames = 101;
  status.feed.dropped = 40;
  status.feed.unreadable = 3;
  status.feed.reopened = 2;
  status.feed.frames_per_s = 29.5;
  status.feed.open = true;
  status.feed.text = "H.264 1280x720";
  status.images = 58;
  status.unreadable = 4;
  status.lost = 5;
  status.reconnects = 6;
  status.images_per_s = 20.75;
  status.latency_p50_s = 0.0625;
  status.latency_p95_s = 0.125;
  status.latency_sum_s = 4.5;
  status.needed_rate = 24;
  status.resident_mb = 48.5;
  for (int i = 0; i < 2; ++i) {
    apps::LiveStage stage;
    stage.stage = i;
    stage.lost = i == 1;
    stage.address = i == 0 ? "10.0.0.1:7710" : "10.0.0.2:7710";
    stage.range = i == 0 ? "blocks 0-5" : "blocks 6-11";
    stage.device = "Orin \xff\xfe GPU";  // not UTF-8: peers are not trusted
    stage.version = "9.8.6";
    stage.images = static_cast<std::uint64_t>(60 + i);
    stage.images_per_s = 21.5 + i;
    stage.busy = 0.25 + 0.5 * i;
    stage.resident_mb = 300 + i;
    status.stages.push_back(stage);
  }
  for (int i = 0; i < 3; ++i) {
    apps::LiveLink link;
    link.name = i == 0 ? "head -> 0" : i == 1 ? "0 -> 1" : "1 -> head";
    link.mbps = 8 * (i + 1);
    link.busy = 0.125 * (i + 1);
    link.capacity_kind = static_cast<net::Capacity>(i);  // unknown, at_least, measured
    link.capacity_mbps = 80 + i;                         // set for unknown too: must not be shown
    link.codec = i == 0 ? "pixels" : i == 1 ? "ptq 6" : "";
    link.bits = i == 0 ? 8 : i == 1 ? 6.5 : 0;
    link.agreement_percent = i == 1 ? 96.5 : 0;
    link.rtt_ms = i == 1 ? 0.75 : 0;
    link.wire_bytes = static_cast<std::uint64_t>(5'000'000'000 + i);
    link.frames = static_cast<std::uint64_t>(70 + i);
    link.decision = i == 1 ? "raw32 -> ptq 6: link fell" : "";
    status.links.push_back(link);
  }
  return status;
}

}  // namespace quantring::test
