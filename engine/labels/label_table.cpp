#include "engine/labels/label_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "engine/labels/class_lookup.h"
#include "engine/labels/text_lines.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using Fields = std::vector<std::string>;

// RFC 4180, without line breaks inside fields.
Fields split(const std::string& line, char separator, const std::string& where) {
  Fields fields(1);
  bool quoted = false, was_quoted = false;
  const auto end_field = [&] {
    if (!was_quoted) fields.back() = trimmed(fields.back());
    was_quoted = false;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (quoted) {
      const bool doubled = line[i] == '"' && i + 1 < line.size() && line[i + 1] == '"';
      if (line[i] == '"' && !doubled) {
        quoted = false;
      } else {
        fields.back() += line[i];
        i += doubled;
      }
    } else if (line[i] == '"' && trimmed(fields.back()).empty()) {
      fields.back().clear();
      quoted = was_quoted = true;
    } else if (line[i] == separator) {
      end_field();
      fields.emplace_back();
    } else if (!was_quoted || (line[i] != ' ' && line[i] != '\t')) {
      fields.back() += line[i];
    }
  }
  if (quoted) throw Error(fmt::format("{}: a quote is not closed", where));
  end_field();
  return fields;
}

// "Class Index" -> "classindex"
std::string plain(const std::string& title) {
  std::string out;
  for (const char letter : title)
    if (std::isalnum(static_cast<unsigned char>(letter)) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return out;
}

std::optional<std::size_t> find_column(const Fields& header,
                                       std::initializer_list<std::string_view> titles) {
  for (const std::string_view title : titles)
    for (std::size_t i = 0; i < header.size(); ++i)
      if (plain(header[i]) == title) return i;
  return std::nullopt;
}

struct Columns {
  std::optional<std::size_t> file, index, name;
  std::optional<std::size_t> either;  // titled `label` or so: indices or names
  bool found() const { return file && (index || name || either); }
};

Columns columns_of(const Fields& header) {
  Columns columns;
  columns.file = find_column(
      header, {"file", "filename", "filepath", "path", "image", "imagename", "imagepath",
               "imagefile", "img", "imgpath", "imgname", "picture", "photo", "imageid", "id"});
  columns.index = find_column(
      header, {"classindex", "classid", "classidx", "labelindex", "labelid", "labelidx"});
  columns.name = find_column(header, {"classname", "labelname", "categoryname", "synset", "wnid",
                                      "labelstring", "labeltext"});
  columns.either = find_column(
      header, {"label", "labels", "class", "target", "category", "groundtruth", "y", "truth"});
  // Last, since it may be the number of the row.
  if (!columns.index && !columns.name && !columns.either)
    columns.index = find_column(header, {"index"});
  return columns;
}

struct Layout {
  char separator = ',';
  Columns columns;
  std::size_t first = 0;  // line of the first row
};

constexpr char separators[] = {',', ';', '\t'};

// "photo.jpg 7", as ImageNet's own val.txt: split at the last blank.
Fields split_at_blank(const std::string& text) {
  const std::string line = trimmed(text);
  const std::size_t blank = line.find_last_of(" \t");
  if (blank == std::string::npos) return {line};
  return {trimmed(line.substr(0, blank)), line.substr(blank + 1)};
}

Fields fields_of(const std::string& line, char separator, const std::string& where) {
  return separator == ' ' ? split_at_blank(line) : split(line, separator, where);
}

// "photo.jpg", not "3.5"
bool named_as_file(const std::string& text) {
  const std::size_t dot = text.rfind('.');
  return dot != std::string::npos && dot + 1 < text.size() &&
         std::isalpha(static_cast<unsigned char>(text[dot + 1])) != 0;
}

// Of a table without a header line.
std::optional<Layout> layout_without_header(const std::string& line, std::size_t first,
                                            const std::string& where) {
  for (const char separator : {',', ';', '\t', ' '}) {
    const Fields fields = fields_of(line, separator, where);
    if (fields.size() < 2) continue;
    const auto file = std::find_if(fields.begin(), fields.end(), named_as_file);
    if (file == fields.end()) continue;
    Layout layout{separator, {}, first};
    layout.columns.file = static_cast<std::size_t>(file - fields.begin());
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i == layout.columns.file) continue;
      auto& column = class_number(fields[i]) ? layout.columns.index : layout.columns.name;
      if (!column) column = i;
    }
    if (layout.columns.found()) return layout;
  }
  return std::nullopt;
}

Layout layout_of(const std::vector<std::string>& lines, const std::string& path) {
  std::size_t first = 0;
  while (trimmed(lines[first]).empty()) ++first;  // read_text_lines: a line is not blank
  if (const std::string hint = plain(lines[first]); hint == "sep" && first + 1 < lines.size())
    ++first;  // Excel's "sep=;"
  const std::string where = fmt::format("{}:{}", path, first + 1);
  Columns best;
  for (const char separator : separators) {
    const Columns columns = columns_of(split(lines[first], separator, where));
    if (columns.found()) return {separator, columns, first + 1};
    if (columns.file || columns.index || columns.name || columns.either) best = columns;
  }
  if (const auto layout = layout_without_header(lines[first], first, where)) return *layout;
  throw Error(fmt::format(
      "{}: the header line has no column \"{}\"; file,class_index or file,class_name is expected",
      path, best.file ? "class_index" : "file"));
}

// `either` holds indices if all its values are numbers.
void decide(Columns& columns, const std::vector<Fields>& rows) {
  if (!columns.either) return;
  const bool numbers = std::all_of(rows.begin(), rows.end(), [&](const Fields& fields) {
    const std::string& value = fields[*columns.either];
    return value.empty() || class_number(value);
  });
  auto& column = numbers ? columns.index : columns.name;
  if (!column) column = columns.either;
}

}  // namespace

std::vector<LabelRow> read_label_table(const std::string& path) {
  const std::vector<std::string> lines = read_text_lines(path);
  Layout layout = layout_of(lines, path);
  std::vector<Fields> rows;
  std::vector<std::size_t> numbers;  // of the rows' lines, from 1
  std::size_t width = 0;
  for (std::size_t i = layout.first == 0 ? 0 : layout.first - 1; i < lines.size(); ++i) {
    const std::string where = fmt::format("{}:{}", path, i + 1);
    Fields fields = fields_of(lines[i], layout.separator, where);
    const auto empty = [](const std::string& field) { return field.empty(); };
    if (std::all_of(fields.begin(), fields.end(), empty)) continue;
    if (width == 0) width = fields.size();
    while (fields.size() > width && fields.back().empty()) fields.pop_back();
    if (fields.size() != width)
      throw Error(
          fmt::format("{}: {} fields, but the first line has {}", where, fields.size(), width));
    if (i < layout.first) continue;  // the header line
    rows.push_back(std::move(fields));
    numbers.push_back(i + 1);
  }
  decide(layout.columns, rows);
  std::vector<LabelRow> table;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Columns& columns = layout.columns;
    LabelRow row{rows[i][*columns.file], -1, columns.name ? rows[i][*columns.name] : "",
                 numbers[i]};
    if (const std::string index = columns.index ? rows[i][*columns.index] : ""; !index.empty()) {
      const auto number = class_number(index);
      if (!number)
        throw Error(fmt::format("{}:{}: \"{}\" is not a class index", path, numbers[i], index));
      row.index = *number;
    }
    if (!row.file.empty()) table.push_back(std::move(row));
  }
  return table;
}

}  // namespace quantring
