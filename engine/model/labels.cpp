#include "engine/model/labels.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "engine/model/open_file.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file = open_file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
      line.pop_back();
    lines.push_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty()) throw Error(fmt::format("'{}' is empty", path));
  return lines;
}

// RFC 4180, without line breaks inside fields.
std::vector<std::string> split_csv(std::string_view line, const std::string& where) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool doubled = quoted && line[i] == '"' && i + 1 < line.size() && line[i + 1] == '"';
    if (doubled) {
      fields.back() += line[i++];
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  if (quoted) throw Error(fmt::format("{}: a quote is not closed", where));
  return fields;
}

std::size_t find_column(const std::vector<std::string>& header, std::string_view column,
                        const std::string& path) {
  for (std::size_t i = 0; i < header.size(); ++i)
    if (header[i] == column) return i;
  throw Error(fmt::format("{}: the header line has no column \"{}\"; file,class_index is expected",
                          path, column));
}

int parse_class(const std::string& field, const std::string& where) {
  int value = -1;
  const char* end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc{} || stop != end || value < 0)
    throw Error(fmt::format("{}: \"{}\" is not a class index", where, field));
  return value;
}

}  // namespace

std::vector<std::string> read_class_names(const std::string& path) {
  return read_lines(path);
}

std::map<std::string, int> read_label_csv(const std::string& path) {
  const std::vector<std::string> lines = read_lines(path);
  const auto header = split_csv(lines[0], path + ":1");
  const std::size_t file = find_column(header, "file", path);
  const std::size_t index = find_column(header, "class_index", path);
  std::map<std::string, int> labels;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const std::string where = fmt::format("{}:{}", path, i + 1);
    const auto fields = split_csv(lines[i], where);
    if (fields.size() != header.size())
      throw Error(fmt::format("{}: {} fields, but the header line has {}", where, fields.size(),
                              header.size()));
    const int label = parse_class(fields[index], where);
    const auto [entry, added] = labels.emplace(fields[file], label);
    if (!added && entry->second != label)
      throw Error(fmt::format("{}: {} has class {} above and {} here", where, fields[file],
                              entry->second, label));
  }
  return labels;
}

}  // namespace quantring
