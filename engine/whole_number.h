#pragma once
// Whole numbers out of JSON that others wrote.

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

namespace quantring {

// A number from 0 to 2^31 - 1; nothing if the value is anything else. The library's own conversion
// lets what does not fit wrap, and is undefined for a fraction beyond int.
inline std::optional<int> whole_number(const nlohmann::json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  const auto number = value.get<std::int64_t>();  // negative if beyond that type's range
  if (number < 0 || number > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(number);
}

}  // namespace quantring
