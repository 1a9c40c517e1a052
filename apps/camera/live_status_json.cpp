#include "apps/camera/live_status_json.h"

#include "apps/session/ring/json_fields.h"

namespace quantring::apps {
namespace {

using nlohmann::ordered_json;

ordered_json feed_json(const FeedStats& feed) {
  return {{"open", feed.open},
          {"text", feed.text},
          {"error", feed.error},
          {"frames", feed.frames},
          {"frames_per_s", feed.frames_per_s},
          {"dropped", feed.dropped},
          {"unreadable", feed.unreadable},
          {"reopened", feed.reopened}};
}

ordered_json stages_json(const LiveStatus& status) {
  ordered_json stages = ordered_json::array();
  for (const LiveStage& stage : status.stages) {
    stages.push_back({{"stage", stage.stage},
                      {"lost", stage.lost},
                      {"address", stage.address},
                      {"part", stage.range},
                      {"device", stage.device},
                      {"version", stage.version},
                      {"images", stage.images},
                      {"images_per_s", stage.images_per_s},
                      {"busy", stage.busy},
                      {"resident_mb", known(stage.resident_mb)}});
  }
  return stages;
}

ordered_json links_json(const LiveStatus& status) {
  ordered_json links = ordered_json::array();
  for (const LiveLink& link : status.links) {
    const bool has_capacity = link.capacity_kind != net::Capacity::unknown;
    links.push_back({{"link", link.name},
                     {"mbps", link.mbps},
                     {"busy", link.busy},
                     {"capacity", capacity_name(link.capacity_kind)},
                     {"capacity_mbps", known(has_capacity ? link.capacity_mbps : 0)},
                     {"codec", link.codec},
                     {"bits", known(link.bits)},
                     {"agreement_percent", known(link.agreement_percent)},
                     {"rtt_ms", known(link.rtt_ms)},
                     {"wire_bytes", link.wire_bytes},
                     {"frames", link.frames},
                     {"decision", link.decision}});
  }
  return links;
}

ordered_json status_value(const LiveStatus& status) {
  return {{"schema", "quantring.camera.status/1"},
          {"time", status.time},
          {"version", status.version},
          {"model", status.model},
          {"hash", status.hash},
          {"source", status.source},
          {"state", status.state},
          {"healthy", status.healthy},
          {"limit", status.limit},
          {"uptime_s", status.uptime_s},
          {"images", status.images},
          {"images_per_s", status.images_per_s},
          {"target_images_per_s", known(status.target_set ? status.needed_rate : 0)},
          {"needed_images_per_s", known(status.needed_rate)},
          {"latency_p50_s", known(status.latency_p50_s)},
          {"latency_p95_s", known(status.latency_p95_s)},
          {"unreadable", status.unreadable},
          {"lost", status.lost},
          {"reconnects", status.reconnects},
          {"resident_mb", known(status.resident_mb)},
          {"feed", feed_json(status.feed)},
          {"stages", stages_json(status)},
          {"links", links_json(status)}};
}

ordered_json answer_value(const LiveAnswer& answer) {
  ordered_json top = ordered_json::array();
  for (const LiveAnswer::Class& each : answer.top) {
    top.push_back({{"class", each.index}, {"name", each.name}, {"probability", each.probability}});
  }
  return {{"schema", "quantring.camera.answer/1"},
          {"time", answer.time},
          {"source", answer.source},
          {"number", answer.number},
          {"frame", answer.frame},
          {"latency_s", answer.latency_s},
          {"true_class",
           answer.true_class.empty() ? ordered_json(nullptr) : ordered_json(answer.true_class)},
          {"top", std::move(top)}};
}

}  // namespace

std::string live_status_json(const LiveStatus& status, const LiveAnswer* answer) {
  ordered_json value = status_value(status);
  value["answer"] = answer ? answer_value(*answer) : ordered_json(nullptr);
  return json_text(value);
}

std::string live_status_json(const LiveStatus& status) {
  return json_text(status_value(status));
}

std::string live_answer_json(const LiveAnswer& answer) {
  return json_text(answer_value(answer));
}

std::string live_history_json(const std::deque<LivePoint>& points) {
  ordered_json list = ordered_json::array();
  for (const LivePoint& point : points) {
    ordered_json links = ordered_json::array();
    for (const LivePoint::Link& link : point.links) {
      links.push_back({{"mbps", link.mbps},
                       {"capacity_mbps", known(link.capacity_mbps)},
                       {"bits", known(link.bits)}});
    }
    list.push_back({{"uptime_s", point.uptime_s},
                    {"images_per_s", point.images_per_s},
                    {"latency_p50_s", known(point.latency_p50_s)},
                    {"latency_p95_s", known(point.latency_p95_s)},
                    {"dropped", point.dropped},
                    {"links", std::move(links)}});
  }
  const ordered_json value = {{"schema", "quantring.camera.history/1"},
                              {"points", std::move(list)}};
  return json_text(value);
}

LivePoint point_of(const LiveStatus& status) {
  LivePoint point;
  point.uptime_s = status.uptime_s;
  point.images_per_s = status.images_per_s;
  point.latency_p50_s = status.latency_p50_s;
  point.latency_p95_s = status.latency_p95_s;
  point.dropped = status.feed.dropped;
  for (const LiveLink& link : status.links) {
    const bool measured = link.capacity_kind == net::Capacity::measured;
    point.links.push_back({link.mbps, link.bits, measured ? link.capacity_mbps : 0});
  }
  return point;
}

}  // namespace quantring::apps
