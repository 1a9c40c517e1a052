#include "ops/base/json_fields.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "ops/base/error.h"

namespace quantring {

using nlohmann::json;

const json& read_field(const json& object, const char* key) {
  if (!object.is_object()) throw Error(fmt::format("expected an object with '{}'", key));
  const auto found = object.find(key);
  if (found == object.end()) throw Error(fmt::format("field '{}' is missing", key));
  return *found;
}

std::uint64_t read_uint(const json& object, const char* key, std::uint64_t max, std::uint64_t min) {
  const json& value = read_field(object, key);
  if (!value.is_number_unsigned()) {
    throw Error(fmt::format("field '{}' is not a whole number from 0 up", key));
  }
  const auto number = value.get<std::uint64_t>();
  if (number < min || number > max) {
    throw Error(fmt::format("field '{}' is {}: not within {} to {}", key, number, min, max));
  }
  return number;
}

int read_int(const json& object, const char* key) {
  if (const auto number = whole_number(read_field(object, key))) return *number;
  throw Error(fmt::format("field '{}' is not a whole number in bounds", key));
}

std::pair<int, int> read_int_pair(const json& object, const char* key) {
  const json& value = read_field(object, key);
  if (value.is_array() && value.size() == 2) {
    const auto first = whole_number(value[0]), second = whole_number(value[1]);
    if (first && second) return {*first, *second};
  }
  throw Error(fmt::format("field '{}' is not a list of two whole numbers in bounds", key));
}

double read_number(const json& object, const char* key) {
  const json& value = read_field(object, key);
  if (!value.is_number()) throw Error(fmt::format("field '{}' is not a number", key));
  return value.get<double>();
}

bool read_bool(const json& object, const char* key) {
  const json& value = read_field(object, key);
  if (!value.is_boolean()) throw Error(fmt::format("field '{}' is not true or false", key));
  return value.get<bool>();
}

const std::string& read_string(const json& object, const char* key) {
  const json& value = read_field(object, key);
  if (!value.is_string()) throw Error(fmt::format("field '{}' is not a text", key));
  return value.get_ref<const std::string&>();
}

const json& read_object(const json& object, const char* key) {
  const json& value = read_field(object, key);
  if (!value.is_object()) throw Error(fmt::format("field '{}' is not an object", key));
  return value;
}

const json& read_array(const json& object, const char* key, std::size_t max_size) {
  const json& value = read_field(object, key);
  if (!value.is_array() || value.size() > max_size) {
    throw Error(fmt::format("field '{}' is not a list of at most {}", key, max_size));
  }
  return value;
}

float float_from_text(const json& value, const char* key) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const char* const end = text.data() + text.size();
    float number = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && stop == end && std::isfinite(number)) return number;
  }
  throw Error(fmt::format("field '{}' is not a number written as text", key));
}

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
  std::string value = found->get<std::string>().substr(0, max_field_text);
  for (char& c : value) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return value;
}

}  // namespace quantring
