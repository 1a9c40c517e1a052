#include "apps/work_order.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/whole_number.h"
#include "ops/error.h"

namespace quantring::apps {

std::string work_order_to_json(const WorkOrder& order) {
  return nlohmann::json{{"model_hash", order.model_hash},
                        {"range", {order.range.begin, order.range.end}},
                        {"max_images", order.max_images},
                        {"codec", codec_name(order.output.id)},
                        {"bits", order.output.bits}}
      .dump();
}

WorkOrder work_order_from_json(const std::string& text) {
  try {
    const auto value = nlohmann::json::parse(text);
    WorkOrder order;
    order.model_hash = value.at("model_hash").get<std::string>();
    const auto whole = [](const nlohmann::json& number) {
      if (const auto result = whole_number(number)) return *result;
      throw Error("the plan's work for this stage has a number out of bounds");
    };
    order.range = {whole(value.at("range").at(0)), whole(value.at("range").at(1))};
    order.max_images = whole(value.at("max_images"));
    order.output = parse_codec(value.at("codec").get<std::string>(), whole(value.at("bits")));
    // A batch of this size has to be allocated at once; the bound is far above any sensible one.
    if (order.max_images < 1 || order.max_images > 1024) {
      throw Error(fmt::format("a batch of {} images; use 1 to 1024", order.max_images));
    }
    return order;
  } catch (const nlohmann::json::exception& error) {
    throw Error(fmt::format("the plan's work for this stage cannot be read: {}", error.what()));
  }
}

}  // namespace quantring::apps
