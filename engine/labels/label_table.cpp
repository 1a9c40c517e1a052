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

// RFC 4180. Nothing if a quote is open at the end.
std::optional<Fields> split(const std::string& line, char separator) {
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
    } else if (const std::size_t blank = blank_length(line, i); was_quoted && blank > 0) {
      i += blank - 1;
    } else {
      fields.back() += line[i];
    }
  }
  if (quoted) return std::nullopt;
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
  std::size_t begin = 0;  // line of the header, or without one of the first row
  bool header = true;
};

constexpr char separators[] = {',', ';', '\t'};

// "photo.jpg 7", as ImageNet's own val.txt: split at the last blank.
Fields split_at_blank(const std::string& text) {
  const std::string line = trimmed(text);
  const std::size_t blank = line.find_last_of(" \t");
  if (blank == std::string::npos) return {line};
  return {trimmed(line.substr(0, blank)), line.substr(blank + 1)};
}

// "photo.jpg", not "3.5"
bool named_as_file(const std::string& text) {
  const std::size_t dot = text.rfind('.');
  return dot != std::string::npos && dot + 1 < text.size() &&
         std::isalpha(static_cast<unsigned char>(text[dot + 1])) != 0;
}

// The lines of a table as rows: breaks inside quotes belong to a field.
class Rows {
 public:
  Rows(const std::vector<std::string>& lines, const std::string& path)
      : lines_(lines), path_(path) {}

  const std::string& line(std::size_t i) const { return lines_[i]; }
  std::size_t size() const { return lines_.size(); }
  std::string where(std::size_t i) const { return fmt::format("{}:{}", path_, i + 1); }

  // at: the row's first line, then the next row's.
  Fields read(std::size_t& at, char separator) const {
    constexpr std::size_t most_lines = 100;
    const std::size_t first = at;
    std::string text = lines_[at++];
    if (separator == ' ') return split_at_blank(text);
    for (;;) {
      if (auto fields = split(text, separator)) return *fields;
      if (at == lines_.size() || at - first == most_lines)
        throw Error(fmt::format("{}: a quote is not closed", where(first)));
      text += "\n" + lines_[at++];
    }
  }
  Fields read_one(std::size_t at, char separator) const { return read(at, separator); }

 private:
  const std::vector<std::string>& lines_;
  const std::string& path_;
};

bool begins_as_comment(const std::string& line) {
  return trimmed(line).starts_with('#');
}

// "#1.jpg,3" is a row, "# by hand" is none.
bool is_comment(const std::string& line, char separator, std::size_t width) {
  if (!begins_as_comment(line)) return false;
  if (separator == ' ' || trimmed(line).starts_with("# ")) return true;
  const auto fields = split(line, separator);
  return !fields || fields->size() != width;
}

// Of a table without a header line.
std::optional<Layout> layout_without_header(const Rows& rows, std::size_t first) {
  for (const char separator : {',', ';', '\t', ' '}) {
    const Fields fields = rows.read_one(first, separator);
    if (fields.size() < 2) continue;
    const auto file = std::find_if(fields.begin(), fields.end(), named_as_file);
    if (file == fields.end()) continue;
    Layout layout{separator, {}, first, false};
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

Layout layout_of(const Rows& rows, const std::string& path) {
  Columns best;
  std::size_t first = 0;
  for (;; ++first) {
    if (first == rows.size()) throw Error(fmt::format("{}: has no rows, only comments", path));
    const std::string& line = rows.line(first);
    // Excel's "sep=;"
    if (trimmed(line).empty() || (plain(line) == "sep" && first + 1 < rows.size())) continue;
    const bool comment = begins_as_comment(line);
    for (const char separator : separators) {
      // The header may be a comment: "# file,class_index".
      const std::optional<Fields> fields =
          comment ? split(line, separator) : rows.read_one(first, separator);
      if (!fields) continue;
      const Columns columns = columns_of(*fields);
      if (columns.found()) return {separator, columns, first, true};
      if (columns.file || columns.index || columns.name || columns.either) best = columns;
    }
    if (!comment) break;
  }
  if (const auto layout = layout_without_header(rows, first)) return *layout;
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
  const Rows all(lines, path);
  Layout layout = layout_of(all, path);
  std::vector<Fields> rows;
  std::vector<std::size_t> numbers;  // of the rows' lines, from 1
  std::size_t width = 0;
  for (std::size_t i = layout.begin; i < all.size();) {
    const std::size_t line = i;
    if (line != layout.begin && is_comment(all.line(i), layout.separator, width)) {
      ++i;
      continue;
    }
    Fields fields = all.read(i, layout.separator);
    const auto empty = [](const std::string& field) { return field.empty(); };
    if (std::all_of(fields.begin(), fields.end(), empty)) continue;
    if (width == 0) width = fields.size();
    while (fields.size() > width && fields.back().empty()) fields.pop_back();
    if (fields.size() != width)
      throw Error(fmt::format("{}: {} fields, but the first line has {}", all.where(line),
                              fields.size(), width));
    if (line == layout.begin && layout.header) continue;
    rows.push_back(std::move(fields));
    numbers.push_back(line + 1);
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
