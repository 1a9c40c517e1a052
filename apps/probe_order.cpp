#include "apps/probe_order.h"

#include <nlohmann/json.hpp>

#include "engine/whole_number.h"

namespace quantring::apps {
namespace {

using nlohmann::json;

constexpr std::size_t most_text = 200;

json parsed(const std::string& text) {
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  std::string value = found->get<std::string>().substr(0, most_text);
  for (char& c : value) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return value;
}

int whole(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? 0 : whole_number(*found).value_or(0);
}

std::uint64_t bytes(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return 0;
  return found->get<std::uint64_t>();
}

}  // namespace

std::string probe_order_json() {
  return R"({"probe":true})";
}

bool is_probe_order(const std::string& work_json) {
  return parsed(work_json) == json{{"probe", true}};
}

std::string probe_report_json(const ProbeReport& report) {
  const json value = {
      {"model_hash", report.model_hash},          {"part", {report.part.begin, report.part.end}},
      {"half_blocks", report.half_blocks},        {"compute", report.compute.substr(0, most_text)},
      {"host", report.host.substr(0, most_text)}, {"cores", report.cores},
      {"memory_bytes", report.memory_bytes},      {"free_bytes", report.free_bytes}};
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

ProbeReport parse_probe_report(const std::string& json_text) {
  ProbeReport report;
  const json value = parsed(json_text);
  if (!value.is_object()) return report;
  report.model_hash = text(value, "model_hash");
  const auto part = value.find("part");
  if (part != value.end() && part->is_array() && part->size() == 2) {
    report.part = {whole_number(part->at(0)).value_or(0), whole_number(part->at(1)).value_or(0)};
  }
  report.half_blocks = whole(value, "half_blocks");
  report.compute = text(value, "compute");
  report.host = text(value, "host");
  report.cores = whole(value, "cores");
  report.memory_bytes = bytes(value, "memory_bytes");
  report.free_bytes = bytes(value, "free_bytes");
  return report;
}

}  // namespace quantring::apps
