#include "engine/labels/class_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "engine/labels/imagenet_classes.h"
#include "engine/labels/text_lines.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

using nlohmann::json;

bool is_digit(char letter) {
  return std::isdigit(static_cast<unsigned char>(letter)) != 0;
}

// The length of the number at the beginning and of what separates it from the name; 0 if another
// number is there.
std::size_t number_length(const std::string& line, std::size_t number) {
  const std::string digits = std::to_string(number);
  std::size_t at = 0;
  while (at < line.size() && line[at] == '0' && line.compare(at, digits.size(), digits) != 0) ++at;
  if (line.compare(at, digits.size(), digits) != 0) return 0;
  at += digits.size();
  const std::size_t name = line.find_first_not_of(" \t,;:.)", at);
  return name == std::string::npos || name == at ? 0 : name;
}

std::size_t synset_length(const std::string& line) {
  if (line.size() < 11 || line[0] != 'n' ||
      !std::all_of(line.begin() + 1, line.begin() + 9, is_digit))
    return 0;
  const std::size_t name = line.find_first_not_of(" \t,;:", 9);
  return name == std::string::npos || name == 9 ? 0 : name;
}

// Removes what `length` finds at the beginning of each line, if it is at all of them and names stay
// different: "1 euro", "2 euro" are names.
template <class Length>
bool strip(std::vector<std::string>& lines, const Length& length) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t removed = length(lines[i], i);
    if (removed == 0) return false;
    names.push_back(lines[i].substr(removed));
  }
  const auto different = [](const std::vector<std::string>& texts) {
    return std::set<std::string>(texts.begin(), texts.end()).size();
  };
  if (lines.size() < 3 || different(names) != different(lines)) return false;
  lines = std::move(names);
  return true;
}

bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](char letter) { return static_cast<unsigned char>(letter) < 0x20; });
}

std::string name_in(const json& value, const std::string& path) {
  // ["n01440764", "tench"]
  const json& name = value.is_array() && value.size() == 2 ? value[1] : value;
  if (!name.is_string() || has_control(name.get_ref<const std::string&>()))
    throw Error(
        fmt::format("'{}': a class name is not a line of text; [\"name\", ...] or "
                    "{{\"0\": \"name\", ...}} is expected",
                    path));
  return name.get<std::string>();
}

std::vector<std::string> names_in_json(const std::vector<std::string>& lines,
                                       const std::string& path) {
  const json root =
      parse_json(fmt::format("{}", fmt::join(lines, "\n")), fmt::format("'{}'", path));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < root.size(); ++i) {
    if (root.is_object() && !root.contains(std::to_string(i)))
      throw Error(fmt::format("'{}': {} names, but none of class {}", path, root.size(), i));
    names.push_back(name_in(root.is_object() ? root.at(std::to_string(i)) : root.at(i), path));
  }
  if (names.empty()) throw Error(fmt::format("'{}' has no class names", path));
  return names;
}

}  // namespace

std::vector<std::string> read_class_names(const std::string& path) {
  std::error_code ignored;
  if (path == "imagenet" && !std::filesystem::exists(path, ignored)) return imagenet_class_names();
  std::vector<std::string> lines = read_text_lines(path);
  for (std::string& line : lines) line = trimmed(line);
  if (lines[0].rfind('{', 0) == 0 || (lines[0].rfind('[', 0) == 0 && lines.back().ends_with(']')))
    return names_in_json(lines, path);
  if (!strip(lines, number_length))
    strip(lines, [](const std::string& line, std::size_t i) { return number_length(line, i + 1); });
  strip(lines, [](const std::string& line, std::size_t) { return synset_length(line); });
  return lines;
}

}  // namespace quantring
