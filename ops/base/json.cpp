#include "ops/base/json.h"

#include <cmath>
#include <cstdint>

#include <cstdint>
#include <limits>

#include "ops/base/error.h"

template class nlohmann::basic_json<>;
template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace quantring {
namespace {

template <typename Json>
std::string text_of(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

nlohmann::json try_parse_json(std::string_view text) {
  bool too_deep = false;
  const auto check = [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > max_json_depth;
    return !too_deep;
  };
  auto value = nlohmann::json::parse(text, check, /*allow_exceptions=*/false);
  if (too_deep) return nlohmann::json(nlohmann::json::value_t::discarded);
  return value;
}

nlohmann::json parse_json(std::string_view text, std::string_view what) {
  auto value = try_parse_json(text);
  if (value.is_discarded()) throw Error(std::string(what) + ": not JSON");
  return value;
}

nlohmann::ordered_json parse_ordered_json(std::string_view text) {
  return nlohmann::ordered_json::parse(text);
}

std::string json_text(const nlohmann::json& value, int indent) {
  return text_of(value, indent);
}

std::string json_text(const nlohmann::ordered_json& value, int indent) {
  return text_of(value, indent);
}

std::optional<int> whole_number(const nlohmann::json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  const auto number = value.get<std::int64_t>();  // negative if beyond that type's range
  if (number < 0 || number > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(number);
}

nlohmann::json shortest_number(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15)
    return static_cast<std::int64_t>(value);
  return value;
}

}  // namespace quantring
