#include "apps/report/report_json.h"

#include "apps/report/report.h"
#include "apps/session/ring/json_fields.h"
#include "apps/session/ring/watch/link_coding.h"
#include "apps/session/ring/watch/worker_stats.h"

namespace quantring::apps {
namespace {

using nlohmann::ordered_json;

ordered_json codec_json(CodecSpec spec) {
  if (spec.id == CodecId::jpeg) return {{"codec", codec_name(spec.id)}, {"quality", spec.bits}};
  return {{"codec", codec_name(spec.id)}, {"bits", shortest_number(width_bits(spec))}};
}

ordered_json stages_json(const RunSummary& summary) {
  ordered_json stages = ordered_json::array();
  for (std::size_t i = 0; i < summary.ring.stages.size(); ++i) {
    const net::StageStats& stage = summary.ring.stages[i];
    const WorkerStats worker = worker_stats_from_json(stage.app_json);
    stages.push_back({{"stage", i},
                      {"address", stage.address},
                      {"part", range_text(summary.ranges.at(i))},
                      {"device", worker.device},
                      {"images", stage.images},
                      {"compute_s", stage.compute_s},
                      {"wait_input_s", stage.wait_input_s},
                      {"wait_output_s", stage.wait_output_s},
                      {"resident_mb", worker.resident_mb}});
  }
  return stages;
}

ordered_json decision_json(const Decision& decision) {
  return {{"batch", decision.frame},
          {"time_s", decision.time_s},
          {"from", codec_json(decision.from)},
          {"to", codec_json(decision.to)},
          {"capacity_bps", known(decision.capacity_bps)},
          {"target_images_per_s", known(decision.target_rate)},
          {"needed_bps", known(decision.needed_bps)},
          {"short_of_target", decision.short_of_target},
          {"cause", decision.cause}};
}

void add_history(ordered_json& link, const OutputHistory& history) {
  if (!history.controlled) return;
  link["target_images_per_s"] = known(history.last.target_rate);
  link["decision_count"] = history.last.decision_count;
  link["decisions"] = ordered_json::array();
  for (const Decision& decision : history.decisions) {
    link["decisions"].push_back(decision_json(decision));
  }
}

ordered_json links_json(const RunSummary& summary) {
  ordered_json links = ordered_json::array();
  const auto counts = ring_links(summary.ring);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const net::LinkStats& count = counts[i];
    const LinkCapacity capacity = link_capacity(summary.ring, summary.outputs, i);
    const LinkCoding coding = link_coding(summary.ring, i);
    ordered_json link = {{"link", link_name(i, summary.ring.stages.size())},
                         {"images", count.images},
                         {"payload_bytes", count.payload_bytes},
                         {"wire_bytes", count.wire_bytes},
                         {"bits_per_element", bits_per_element(count, coding)},
                         {"sending_s", count.sending_s},
                         {"credit_wait_s", count.credit_wait_s},
                         {"capacity", capacity_name(capacity.kind)},
                         {"capacity_bps", known(capacity.bps)}};
    if (count.frames > 0) {
      link.update(codec_json(coding.codec));
    }
    if (i > 0 && i <= summary.outputs.size()) add_history(link, summary.outputs[i - 1]);
    links.push_back(std::move(link));
  }
  return links;
}

}  // namespace

std::string report_json(const RunSummary& summary) {
  ordered_json value = {{"schema", "quantring.report/1"},
                        {"images", summary.images},
                        {"unreadable", summary.unreadable},
                        {"seconds", summary.seconds},
                        {"images_per_s", summary.images_per_s()}};
  if (summary.labelled > 0) {
    value["labelled"] = summary.labelled;
    value["top1_percent"] = summary.top1_percent();
    value["top5_percent"] = summary.top5_percent();
  }
  if (!summary.ring.stages.empty()) {
    value["policy"] = policy_name(summary.links.policy);
    if (summary.links.policy != Policy::fixed) {
      value["target_images_per_s"] = known(summary.links.target_rate);
      value["target_missed"] =
          summary.links.target_rate > 0 && summary.images_per_s() < summary.links.target_rate;
    }
    if (summary.links.policy == Policy::ladder) {
      value["floor_percent"] = summary.links.floor;
      value["estimated_agreement_percent"] = estimated_agreement(summary);
    }
    if (!summary.limit.part.empty()) {
      value["limit"] = {{"part", summary.limit.part},
                        {"images_per_s", summary.limit.rate},
                        {"because_of_floor", summary.limit.floor}};
    }
    value["ring_seconds"] = summary.counted_seconds();
    value["stages"] = stages_json(summary);
    value["links"] = links_json(summary);
  }
  return json_text(value, 2) + "\n";
}

}  // namespace quantring::apps
