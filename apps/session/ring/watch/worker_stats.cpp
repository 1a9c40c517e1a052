#include "apps/session/ring/watch/worker_stats.h"

#include <fmt/format.h>

#include <cmath>

#include "apps/session/ring/json_fields.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t max_stats_bytes = 2 << 10;

ordered_json point_json(CodecSpec spec) {
  return {codec_name(spec.id), shortest_number(width_bits(spec))};
}

double rounded(double value, double step) {
  return std::round(value / step) * step;
}

ordered_json decision_json(const Decision& decision) {
  return {{"frame", decision.frame},
          {"s", rounded(decision.time_s, 0.01)},
          {"from", point_json(decision.from)},
          {"to", point_json(decision.to)},
          {"bps", std::round(decision.capacity_bps)},
          {"need", std::round(decision.needed_bps)},
          {"target", rounded(decision.target_rate, 0.01)},
          {"short", decision.short_of_target},
          {"cause", decision.cause.substr(0, max_field_text)}};
}

CodecSpec point(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array() || found->size() != 2) return {};
  const json& bits = found->at(1);
  if (!found->at(0).is_string() || !bits.is_number()) return {};
  try {
    return parse_codec(found->at(0).get<std::string>(), bits.get<double>());
  } catch (const Error&) {
    return {};
  }
}

Decision decision_from(const json& object) {
  Decision decision;
  decision.frame = count_field(object, "frame");
  decision.time_s = number_field(object, "s");
  decision.from = point(object, "from");
  decision.to = point(object, "to");
  decision.capacity_bps = number_field(object, "bps");
  decision.needed_bps = number_field(object, "need");
  decision.target_rate = number_field(object, "target");
  decision.short_of_target = flag_field(object, "short");
  decision.cause = text_field(object, "cause");
  return decision;
}

OutputState output_from(const json& object) {
  OutputState output;
  try {
    output.policy = parse_policy(text_field(object, "policy"));
  } catch (const Error&) {
  }
  output.point = point(object, "point");
  output.capacity_bps = number_field(object, "bps");
  output.capacity_filled = flag_field(object, "filled");
  output.target_rate = number_field(object, "target");
  output.decision_count = count_field(object, "decision_count");
  const auto found = object.find("decisions");
  if (found == object.end() || !found->is_array()) return output;
  for (const json& entry : *found) {
    if (entry.is_object()) output.decisions.push_back(decision_from(entry));
  }
  return output;
}

}  // namespace

std::string worker_stats_to_json(const WorkerStats& stats) {
  ordered_json value = {{"range", stats.range},
                        {"device", stats.device},
                        {"resident_mb", rounded(stats.resident_mb, 0.1)},
                        {"elements", stats.elements_per_image}};
  if (!stats.has_output) return json_text(value);
  const OutputState& output = stats.output;
  value["output"] = {
      {"policy", policy_name(output.policy)},        {"point", point_json(output.point)},
      {"bps", std::round(output.capacity_bps)},      {"filled", output.capacity_filled},
      {"target", rounded(output.target_rate, 0.01)}, {"decision_count", output.decision_count}};
  std::string whole = json_text(value);
  ordered_json decisions = ordered_json::array();
  for (std::size_t n = output.decisions.size(); n-- > 0;) {
    decisions.insert(decisions.begin(), decision_json(output.decisions[n]));
    value["output"]["decisions"] = decisions;
    std::string longer = json_text(value);
    if (longer.size() > max_stats_bytes) break;
    whole = std::move(longer);
  }
  return whole;
}

WorkerStats worker_stats_from_json(const std::string& json_text) {
  const auto value = try_parse_json(json_text);
  WorkerStats stats;
  if (!value.is_object()) return stats;
  stats.range = text_field(value, "range");
  stats.device = text_field(value, "device");
  stats.resident_mb = number_field(value, "resident_mb");
  stats.elements_per_image = count_field(value, "elements");
  const auto output = value.find("output");
  stats.has_output = output != value.end() && output->is_object();
  if (stats.has_output) stats.output = output_from(*output);
  return stats;
}

std::string decision_text(const Decision& decision) {
  const std::string change =
      decision.from == decision.to
          ? fmt::format("stays at {}", codec_text(decision.to))
          : fmt::format("{} -> {}", codec_text(decision.from), codec_text(decision.to));
  return fmt::format("batch {} at {:.1f} s: {}: {}", decision.frame, decision.time_s, change,
                     decision.cause);
}

}  // namespace quantring
