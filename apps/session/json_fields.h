#pragma once
// Fields of JSON: readers of what a node says, which may be anything, and what commands write
// alike. Internal to apps: it brings in nlohmann's header.

#include <cstddef>
#include <cstdint>
#include <string>

#include "net/wire/stats.h"
#include "ops/base/json.h"

namespace quantring {

inline constexpr std::size_t most_field_text = 200;  // bytes; more is cut

// Each reads one key of an object and gives 0, false or "" for anything else.
double number_field(const nlohmann::json& object, const char* key);  // finite
std::uint64_t count_field(const nlohmann::json& object, const char* key);
int whole_field(const nlohmann::json& object, const char* key);
bool flag_field(const nlohmann::json& object, const char* key);
// Fits on a line: control characters become spaces.
std::string text_field(const nlohmann::json& object, const char* key);

nlohmann::ordered_json known(double value);         // null for 0: not known
const char* capacity_name(net::Capacity capacity);  // "measured", "at least", "unknown"
// One line; bytes that are no UTF-8 become U+FFFD.
std::string compact(const nlohmann::ordered_json& value);

}  // namespace quantring
