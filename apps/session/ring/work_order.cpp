#include "apps/session/ring/work_order.h"

#include <fmt/format.h>

#include "apps/session/ring/link_choice.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

using nlohmann::json;

[[noreturn]] void out_of_bounds() {
  throw Error("the plan's work for this stage has a number out of bounds");
}

int whole(const json& number) {
  if (const auto result = whole_number(number)) return *result;
  out_of_bounds();
}

double from_zero_to(double max, const json& number) {
  const auto value = number.get<double>();
  if (!(value >= 0 && value <= max)) out_of_bounds();
  return value;
}

json link_json(const ControllerOptions& link) {
  json value = {{"policy", policy_name(link.policy)},
                {"codec", codec_name(link.start.id)},
                {"bits", shortest_number(width_bits(link.start))}};
  if (link.policy == Policy::fixed) return value;
  value["target"] = link.target_rate;
  value["window"] = link.window;
  if (link.policy != Policy::ladder) return value;
  value["floor"] = link.floor;
  value["ladder"] = try_parse_json(ladder_to_json(link.ladder));
  return value;
}

ControllerOptions link_from(const json& value) {
  ControllerOptions link;
  link.policy = parse_policy(value.at("policy").get<std::string>());
  link.start =
      parse_codec(value.at("codec").get<std::string>(), from_zero_to(32, value.at("bits")));
  if (link.policy == Policy::fixed) return link;
  link.target_rate = from_zero_to(max_target_rate, value.at("target"));
  link.window = whole(value.at("window"));
  if (link.window < min_window || link.window > max_window) out_of_bounds();
  if (link.policy != Policy::ladder) return link;
  link.floor = from_zero_to(100, value.at("floor"));
  link.ladder = ladder_from_json(value.at("ladder").dump());
  return link;
}

}  // namespace

std::string work_order_to_json(const WorkOrder& order) {
  json value = {{"model_hash", order.model_hash},
                {"range", {order.range.begin, order.range.end}},
                {"max_images", order.max_images},
                {"link", link_json(order.link)},
                {"stage", order.stage}};
  if (!order.codec_hash.empty()) value["codec_hash"] = order.codec_hash;
  return value.dump();
}

WorkOrder work_order_from_json(const std::string& text) {
  try {
    const auto value = try_parse_json(text);
    WorkOrder order;
    order.model_hash = value.at("model_hash").get<std::string>();
    order.range = {whole(value.at("range").at(0)), whole(value.at("range").at(1))};
    order.max_images = whole(value.at("max_images"));
    order.link = link_from(value.at("link"));
    order.stage = whole(value.at("stage"));
    order.codec_hash = value.value("codec_hash", "");
    if (order.max_images < 1 || order.max_images > max_batch_images) {
      throw Error(
          fmt::format("a batch of {} images; use 1 to {}", order.max_images, max_batch_images));
    }
    return order;
  } catch (const json::exception& error) {
    throw Error(fmt::format("the plan's work for this stage cannot be read: {}", error.what()));
  }
}

}  // namespace quantring
