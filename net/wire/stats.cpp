#include "net/wire/stats.h"

#include <fmt/format.h>

#include "ops/base/error.h"
#include "ops/base/json.h"
#include "ops/base/json_fields.h"

namespace quantring::net {
namespace {

using nlohmann::json;

json link_json(const LinkStats& link) {
  return {{"frames", link.frames},
          {"images", link.images},
          {"payload_bytes", link.payload_bytes},
          {"wire_bytes", link.wire_bytes},
          {"sending_s", link.sending_s},
          {"credit_wait_s", link.credit_wait_s},
          {"capacity", static_cast<int>(link.capacity)},
          {"capacity_bps", link.capacity_bps},
          {"rtt_s", link.rtt_s}};
}

LinkStats read_link(const json& object) {
  LinkStats link;
  link.frames = read_uint(object, "frames");
  link.images = read_uint(object, "images");
  link.payload_bytes = read_uint(object, "payload_bytes");
  link.wire_bytes = read_uint(object, "wire_bytes");
  link.sending_s = read_number(object, "sending_s");
  link.credit_wait_s = read_number(object, "credit_wait_s");
  link.capacity = static_cast<Capacity>(read_uint(object, "capacity", 2));
  link.capacity_bps = read_number(object, "capacity_bps");
  if (!(link.capacity_bps >= 0)) throw Error("field 'capacity_bps' is below 0");
  link.rtt_s = read_number(object, "rtt_s");
  if (!(link.rtt_s >= 0)) throw Error("field 'rtt_s' is below 0");
  return link;
}

}  // namespace

std::string stage_stats_json(const StageStats& stats) {
  const json object = {{"stage", stats.stage},
                       {"address", stats.address},
                       {"version", stats.version},
                       {"input", link_json(stats.input)},
                       {"output", link_json(stats.output)},
                       {"images", stats.images},
                       {"compute_s", stats.compute_s},
                       {"wait_input_s", stats.wait_input_s},
                       {"wait_output_s", stats.wait_output_s},
                       {"app", stats.app_json}};
  return json_text(object);
}

StageStats parse_stage_stats(std::string_view text) {
  const json object = parse_json(text, "stage statistics");
  StageStats stats;
  stats.stage = static_cast<int>(read_uint(object, "stage", max_stages - 1));
  stats.address = read_string(object, "address");
  stats.version = read_string(object, "version");
  stats.input = read_link(read_object(object, "input"));
  stats.output = read_link(read_object(object, "output"));
  stats.images = read_uint(object, "images");
  stats.compute_s = read_number(object, "compute_s");
  stats.wait_input_s = read_number(object, "wait_input_s");
  stats.wait_output_s = read_number(object, "wait_output_s");
  stats.app_json = read_string(object, "app");
  return stats;
}

}  // namespace quantring::net
