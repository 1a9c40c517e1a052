#include "apps/session/json_fields.h"

#include <cmath>

#include "ops/base/json.h"

namespace quantring {

using nlohmann::json;
using nlohmann::ordered_json;

double number_field(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return 0;
  const auto value = found->get<double>();
  return std::isfinite(value) ? value : 0;
}

std::uint64_t count_field(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

int whole_field(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? 0 : whole_number(*found).value_or(0);
}

bool flag_field(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string text_field(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  std::string value = found->get<std::string>().substr(0, most_field_text);
  for (char& c : value) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return value;
}

ordered_json known(double value) {
  return value > 0 ? ordered_json(value) : ordered_json(nullptr);
}

const char* capacity_name(net::Capacity capacity) {
  switch (capacity) {
    case net::Capacity::at_least:
      return "at least";
    case net::Capacity::measured:
      return "measured";
    case net::Capacity::unknown:
      break;
  }
  return "unknown";
}

std::string compact(const ordered_json& value) {
  return json_text(value);
}

}  // namespace quantring
