#include "apps/session/session_report.h"

#include <algorithm>

#include "apps/session/ring/watch/link_coding.h"
#include "apps/session/ring/watch/ring_links.h"

namespace quantring {

void add_ring_report(const net::RingStats& stats, const OutputHistories& histories,
                     const std::vector<StageRange>& ranges, double seconds, SessionReport& report) {
  const std::size_t stages = std::min(stats.stages.size(), ranges.size());
  if (stages == 0) return;
  for (std::size_t i = 0; i < stages; ++i) {
    const net::StageStats& from = stats.stages[i];
    StageReport stage;
    stage.stage = static_cast<int>(i);
    stage.address = from.address;
    stage.blocks = range_text(ranges[i]);
    stage.device = worker_stats_from_json(from.app_json).device;
    stage.images = from.images;
    if (from.compute_s > 0) stage.images_per_s = static_cast<double>(from.images) / from.compute_s;
    report.stages.push_back(std::move(stage));
  }
  const auto links = ring_links(stats);
  for (std::size_t i = 0; i < links.size(); ++i) {
    const net::LinkStats& from = links[i];
    LinkReport link;
    link.name = link_name(i, stages);
    const LinkCoding coding = link_coding(stats, i);
    if (from.frames > 0) link.codec = codec_text(coding.codec);
    link.bits = bits_per_element(from, coding);
    link.frames = from.frames;
    link.payload_bytes = from.payload_bytes;
    link.wire_bytes = from.wire_bytes;
    if (seconds > 0) link.mbps = static_cast<double>(from.wire_bytes) * 8e-6 / seconds;
    const LinkCapacity capacity = link_capacity(stats, histories, i);
    link.capacity_mbps = capacity.bps * 1e-6;
    link.capacity_measured = capacity.kind == net::Capacity::measured;
    report.links.push_back(std::move(link));
  }
}

}  // namespace quantring
