#pragma once
// JSON from a peer, read without trust: every field is checked for presence, type and range, and a
// failure is an Error that names the field.

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {

inline const nlohmann::json& read_field(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) throw Error(fmt::format("expected an object with '{}'", key));
  const auto found = object.find(key);
  if (found == object.end()) throw Error(fmt::format("field '{}' is missing", key));
  return *found;
}

inline std::uint64_t read_uint(const nlohmann::json& object, const char* key,
                               std::uint64_t max = std::numeric_limits<std::uint64_t>::max(),
                               std::uint64_t min = 0) {
  const auto& value = read_field(object, key);
  if (!value.is_number_unsigned()) {
    throw Error(fmt::format("field '{}' is not a whole number from 0 up", key));
  }
  const auto number = value.get<std::uint64_t>();
  if (number < min || number > max) {
    throw Error(fmt::format("field '{}' is {}: not within {} to {}", key, number, min, max));
  }
  return number;
}

inline double read_number(const nlohmann::json& object, const char* key) {
  const auto& value = read_field(object, key);
  if (!value.is_number()) throw Error(fmt::format("field '{}' is not a number", key));
  return value.get<double>();
}

inline const std::string& read_string(const nlohmann::json& object, const char* key) {
  const auto& value = read_field(object, key);
  if (!value.is_string()) throw Error(fmt::format("field '{}' is not a text", key));
  return value.get_ref<const std::string&>();
}

inline const nlohmann::json& read_object(const nlohmann::json& object, const char* key) {
  const auto& value = read_field(object, key);
  if (!value.is_object()) throw Error(fmt::format("field '{}' is not an object", key));
  return value;
}

inline const nlohmann::json& read_array(const nlohmann::json& object, const char* key,
                                        std::size_t max_size) {
  const auto& value = read_field(object, key);
  if (!value.is_array() || value.size() > max_size) {
    throw Error(fmt::format("field '{}' is not a list of at most {}", key, max_size));
  }
  return value;
}

}  // namespace quantring
