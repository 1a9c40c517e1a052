#pragma once
// JSON as text in and out. nlohmann's parser and serializer are compiled once, in json.cpp: other
// files include this header instead of the library's.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

extern template class nlohmann::basic_json<>;
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace quantring {

// Deeper nesting is refused: no format of ours needs it.
inline constexpr int max_json_depth = 64;

// A discarded value (is_discarded()) when the text is not JSON, or nested too deeply.
nlohmann::json try_parse_json(std::string_view text);

// Throws Error "WHAT: not JSON".
nlohmann::json parse_json(std::string_view text, std::string_view what);

// The keys in their order. The text is one that this program made.
nlohmann::ordered_json parse_ordered_json(std::string_view text);

// One line, or with an indent several; bytes that are not UTF-8 become U+FFFD.
std::string json_text(const nlohmann::json& value, int indent = -1);
std::string json_text(const nlohmann::ordered_json& value, int indent = -1);

// A number from 0 to 2^31 - 1; nothing if the value is anything else. The library's own conversion
// lets what does not fit wrap, and is undefined for a fraction beyond int.
std::optional<int> whole_number(const nlohmann::json& value);
// 8 rather than 8.0.
nlohmann::json shortest_number(double value);

}  // namespace quantring
