#include "apps/session/node/probe_order.h"

#include "apps/session/ring/json_fields.h"
#include "ops/base/json.h"

namespace quantring {

using nlohmann::json;

std::string probe_order_json() {
  return R"({"probe":true})";
}

bool is_probe_order(const std::string& work_json) {
  return try_parse_json(work_json) == json{{"probe", true}};
}

std::string probe_report_json(const ProbeReport& report) {
  const nlohmann::ordered_json value = {{"model_hash", report.model_hash},
                                        {"part", {report.part.begin, report.part.end}},
                                        {"half_blocks", report.half_blocks},
                                        {"compute", report.compute.substr(0, max_field_text)},
                                        {"host", report.host.substr(0, max_field_text)},
                                        {"cores", report.cores},
                                        {"memory_bytes", report.memory_bytes},
                                        {"free_bytes", report.free_bytes}};
  return json_text(value);
}

ProbeReport parse_probe_report(const std::string& json_text) {
  ProbeReport report;
  const json value = try_parse_json(json_text);
  if (!value.is_object()) return report;
  report.model_hash = text_field(value, "model_hash");
  const auto part = value.find("part");
  if (part != value.end() && part->is_array() && part->size() == 2) {
    report.part = {whole_number(part->at(0)).value_or(0), whole_number(part->at(1)).value_or(0)};
  }
  report.half_blocks = whole_field(value, "half_blocks");
  report.compute = text_field(value, "compute");
  report.host = text_field(value, "host");
  report.cores = whole_field(value, "cores");
  report.memory_bytes = count_field(value, "memory_bytes");
  report.free_bytes = count_field(value, "free_bytes");
  return report;
}

}  // namespace quantring
