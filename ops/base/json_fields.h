#pragma once
// Fields of JSON objects that come from outside: from a peer, a node's page or a file.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "ops/base/json.h"

namespace quantring {

// Strict readers: presence, type and range are checked; a failure is an Error that names the field.

const nlohmann::json& read_field(const nlohmann::json& object, const char* key);
std::uint64_t read_uint(const nlohmann::json& object, const char* key,
                        std::uint64_t max = std::numeric_limits<std::uint64_t>::max(),
                        std::uint64_t min = 0);
int read_int(const nlohmann::json& object, const char* key);                       // 0 to 2^31 - 1
std::pair<int, int> read_int_pair(const nlohmann::json& object, const char* key);  // [a, b]
double read_number(const nlohmann::json& object, const char* key);
bool read_bool(const nlohmann::json& object, const char* key);
const std::string& read_string(const nlohmann::json& object, const char* key);
const nlohmann::json& read_object(const nlohmann::json& object, const char* key);
const nlohmann::json& read_array(const nlohmann::json& object, const char* key,
                                 std::size_t max_size);

// A float that the file holds as text, so that it keeps its exact value: "1e-06". key: of the field
// that holds it, for the error.
float float_from_text(const nlohmann::json& value, const char* key);

// Tolerant readers: 0, false or "" for anything that is missing or of another type.

inline constexpr std::size_t max_field_text = 200;  // bytes; longer texts are truncated

double number_field(const nlohmann::json& object, const char* key);  // finite
std::uint64_t count_field(const nlohmann::json& object, const char* key);
int whole_field(const nlohmann::json& object, const char* key);
bool flag_field(const nlohmann::json& object, const char* key);
// In one line: control characters become spaces.
std::string text_field(const nlohmann::json& object, const char* key);

}  // namespace quantring
