#pragma once
// The tables of docs/JSON.md, and whether an output conforms to its own.

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>

#include "ops/base/json.h"

namespace quantring::test {

class JsonSchemas {
 public:
  explicit JsonSchemas(const std::string& path) {
    static const std::regex heading("## (quantring\\.[a-z.]+/[0-9]+)");
    static const std::regex row(R"re(\| `([^`]+)` \| ([^|]+) \|.*)re");
    std::ifstream file(path);
    std::smatch match;
    std::string name;
    for (std::string line; std::getline(file, line);) {
      if (std::regex_match(line, match, heading)) {
        name = match[1];
      } else if (std::regex_match(line, match, row)) {
        schemas_[name][match[1]] = field(match[2]);
      }
    }
    if (schemas_.empty()) throw std::runtime_error(path + ": no tables");
  }

  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& each : schemas_) all.insert(each.first);
    return all;
  }

  // One line for each difference; empty: it conforms.
  std::string check(const nlohmann::json& output) const {
    const std::string name = output.is_object() ? output.value("schema", "") : "";
    const auto schema = schemas_.find(name);
    if (schema == schemas_.end()) return "no schema is called '" + name + "'\n";
    return check(output, schema->second, "");
  }

 private:
  struct Field {
    std::set<std::string> types;
    bool optional = false, free = false;  // free: an object whose keys are not documented
  };
  using Schema = std::map<std::string, Field>;

  // "number or null, optional"
  static Field field(std::string text) {
    Field field;
    for (const char* end : {", optional", " of any"}) {
      const auto at = text.find(end);
      if (at == std::string::npos) continue;
      (end[0] == ',' ? field.optional : field.free) = true;
      text.erase(at, std::string(end).size());
    }
    static const std::regex word("[a-z]+");
    for (std::sregex_iterator each(text.begin(), text.end(), word), end; each != end; ++each)
      if (each->str() != "or") field.types.insert(each->str());
    return field;
  }

  static bool is_one_of(const nlohmann::json& value, const std::set<std::string>& types) {
    const auto has = [&](const char* type) { return types.count(type) > 0; };
    return has("any") || (value.is_string() && has("string")) ||
           (value.is_number_integer() && has("integer")) || (value.is_number() && has("number")) ||
           (value.is_boolean() && has("boolean")) || (value.is_array() && has("array")) ||
           (value.is_object() && has("object")) || (value.is_null() && has("null"));
  }

  std::string check(const nlohmann::json& object, const Schema& schema,
                    const std::string& prefix) const {
    std::string problems;
    for (const auto& [key, value] : object.items()) {
      const std::string path = prefix + key;
      const auto found = schema.find(path);
      if (found == schema.end()) {
        problems += path + ": not documented\n";
        continue;
      }
      if (!is_one_of(value, found->second.types)) problems += path + ": another type\n";
      if (found->second.free) continue;
      if (value.is_object())
        problems += value.contains("schema") ? check(value) : check(value, schema, path + ".");
      if (!value.is_array()) continue;
      for (const auto& each : value)
        if (each.is_object()) problems += check(each, schema, path + "[].");
    }
    for (const auto& [path, field] : schema) {
      if (field.optional || !path.starts_with(prefix)) continue;
      const std::string key = path.substr(prefix.size());
      if (key.find_first_of(".[") == std::string::npos && !object.contains(key))
        problems += path + ": missing\n";
    }
    return problems;
  }

  std::map<std::string, Schema> schemas_;
};

}  // namespace quantring::test
