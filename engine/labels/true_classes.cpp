#include "engine/labels/true_classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "engine/labels/class_lookup.h"
#include "engine/labels/label_table.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

namespace fs = std::filesystem;

// A path's components, the file name first.
using Components = std::vector<std::string>;

Components components_of(std::string path) {
  std::replace(path.begin(), path.end(), '\\', '/');
  if (path.size() > 2 && path[1] == ':' && path[2] == '/') path.erase(0, 2);  // "C:/"
  Components components;
  for (const fs::path& part : fs::path(path).lexically_normal())
    if (part != "/" && !part.empty()) components.insert(components.begin(), part.string());
  return components;
}

std::size_t common(const Components& a, const Components& b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t same = 0;
  while (same < most && a[same] == b[same]) ++same;
  return same;
}

// The rows of a table with their classes, found by the end of a path.
class RowFinder {
 public:
  RowFinder(const std::vector<LabelRow>& rows, std::vector<int> classes, const std::string& table)
      : rows_(rows), classes_(std::move(classes)), table_(table) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      paths_.push_back(components_of(rows[i].file));
      if (!paths_[i].empty()) by_name_.emplace(paths_[i].front(), i);
    }
  }

  int class_of(const PictureFile& file) const {
    Components below = components_of(file.below.generic_string());
    Components whole = components_of(fs::absolute(file.path).generic_string());
    const auto found = find(below, whole);
    if (found) return *found;
    // A table without the extensions.
    below.front() = whole.front() = file.path.stem().string();
    return find(below, whole).value_or(-1);
  }

 private:
  // The row that has most of the path in common. Of two that contradict each other neither counts.
  std::optional<int> find(const Components& below, const Components& whole) const {
    const auto [begin, end] = by_name_.equal_range(whole.front());
    std::size_t longest = 0;
    std::optional<std::size_t> best;
    for (auto row = begin; row != end; ++row) {
      const Components& path = paths_[row->second];
      const std::size_t same = common(path, whole);
      if (same < path.size() && same < below.size()) continue;
      if (best && same == longest && classes_[*best] != classes_[row->second])
        throw Error(fmt::format("{}:{}: {} has class {} above (line {}) and {} here", table_,
                                rows_[row->second].line, rows_[row->second].file, classes_[*best],
                                rows_[*best].line, classes_[row->second]));
      if (same > longest) {
        longest = same;
        best = row->second;
      }
    }
    if (!best) return std::nullopt;
    return classes_[*best];
  }

  const std::vector<LabelRow>& rows_;
  std::vector<int> classes_;
  const std::string& table_;
  std::vector<Components> paths_;
  std::multimap<std::string, std::size_t> by_name_;
};

// How the indices of a table relate to the model's classes.
class Numbering {
 public:
  Numbering(const std::vector<LabelRow>& rows, const std::string& table, const LabelCheck& check)
      : rows_(rows), table_(table), check_(check), lookup_(check.class_names, check.classes) {
    for (const LabelRow& row : rows_) named_.push_back(lookup_.find(row.name));
    if (first_named() != named_.end()) return;
    // ImageNet's files tell their class: n01440764_10026.JPEG.
    for (std::size_t i = 0; i < rows_.size(); ++i) named_[i] = lookup_.find_in_path(rows_[i].file);
    by_files_ = first_named() != named_.end();
  }

  std::vector<int> classes() const {
    std::size_t comparable_rows = 0, names = 0, indices = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      names += !rows_[i].name.empty();
      indices += rows_[i].index >= 0;
      comparable_rows += comparable(i);
    }
    const char* const names_text =
        by_files_ ? "the WordNet ids in its file names" : "its class names";
    if (indices == 0 && names > 0) {
      if (by_files_)
        check_.say(fmt::format("{}: its class names are not the model's, {} are taken instead",
                               table_, names_text));
      return by_names();
    }
    if (names > 0 && (by_files_ || comparable_rows == 0) && lookup_.named())
      check_.say(fmt::format("{}: its class names are not the model's, class_index alone is used",
                             table_));
    if (comparable_rows == 0) return by_range();
    for (const int offset : {0, 1, -1}) {
      const std::size_t right = agreeing(offset);
      if (10 * right < 9 * comparable_rows) continue;
      if (offset != 0) {
        check_.say(fmt::format(
            "{}: class_index counts from {}, as {} show: {} is class {} of the "
            "model",
            table_, offset, names_text, first_example(offset), first_index(offset) - offset));
      }
      if (right < comparable_rows)
        check_.say(fmt::format(
            "{}: class_index and {} contradict each other in {} of {} lines, "
            "line {} for example: class_index is taken",
            table_, names_text, comparable_rows - right, comparable_rows, contradiction(offset)));
      return shifted(offset);
    }
    check_.say(
        fmt::format("{}: class_index is not the model's numbering (line {} for example), {} "
                    "are taken instead",
                    table_, contradiction(0), names_text));
    return by_names();
  }

 private:
  bool agrees(std::size_t i, int offset) const {
    const auto& classes = named_[i];
    return std::find(classes.begin(), classes.end(), rows_[i].index - offset) != classes.end();
  }
  bool comparable(std::size_t i) const { return rows_[i].index >= 0 && !named_[i].empty(); }

  std::size_t agreeing(int offset) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) count += comparable(i) && agrees(i, offset);
    return count;
  }
  std::size_t first_agreeing(int offset) const {
    std::size_t i = 0;
    while (!comparable(i) || !agrees(i, offset)) ++i;
    return i;
  }
  std::string first_example(int offset) const {
    const LabelRow& row = rows_[first_agreeing(offset)];
    return fmt::format("{} ({})", row.index, by_files_ ? row.file : row.name);
  }
  int first_index(int offset) const { return rows_[first_agreeing(offset)].index; }

  // The line of the first row whose name and index are of different classes.
  std::size_t contradiction(int offset) const {
    std::size_t i = 0;
    while (!comparable(i) || agrees(i, offset)) ++i;
    return rows_[i].line;
  }

  std::vector<int> shifted(int offset) const {
    std::vector<int> classes;
    for (const LabelRow& row : rows_) {
      const int index = row.index < 0 ? -1 : row.index - offset;
      if (row.index >= 0 && (index < 0 || (check_.classes > 0 && index >= check_.classes)))
        throw Error(fmt::format("{}:{}: class_index {}{}, but the model's classes are 0 to {}{}",
                                table_, row.line, row.index,
                                offset == 0 ? "" : fmt::format(" counts from {}", offset),
                                check_.classes - 1,
                                offset == 0 && index == check_.classes
                                    ? "; if the table counts from 1, a column class_name shows it"
                                    : ""));
      classes.push_back(index);
    }
    return classes;
  }

  // Without names to compare with: indices spread over the classes tell that they count from 1 when
  // one is as large as the number of classes and none is 0.
  std::vector<int> by_range() const {
    std::set<int> indices;
    for (const LabelRow& row : rows_)
      if (row.index >= 0) indices.insert(row.index);
    if (indices.empty()) return shifted(0);
    const int least = *indices.begin(), largest = *indices.rbegin();
    const bool from_one = check_.classes > 0 && largest == check_.classes && least >= 1 &&
                          indices.size() > 1 && 2 * least <= check_.classes;
    if (from_one)
      check_.say(
          fmt::format("{}: class_index runs from {} to {} and the model has {} classes: it "
                      "counts from 1",
                      table_, least, largest, check_.classes));
    return shifted(from_one ? 1 : 0);
  }

  std::vector<int> by_names() const {
    if (check_.class_names.empty() && named_.end() == first_named())
      throw Error(
          fmt::format("{}: has class names, but the model has none: add them with "
                      "`quantring-weights labels MODEL --set FILE`, or give a column "
                      "class_index",
                      table_));
    std::vector<int> classes;
    std::size_t unknown = 0, example = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const bool one = named_[i].size() == 1;
      classes.push_back(one ? named_[i].front() : -1);
      if (one || (!by_files_ && rows_[i].name.empty())) continue;
      if (unknown++ == 0) example = i;
    }
    if (unknown == 0) return classes;
    const std::string text =
        fmt::format("{}:{}: \"{}\" is {} of the model's classes", table_, rows_[example].line,
                    by_files_ ? rows_[example].file : rows_[example].name,
                    named_[example].empty() ? "none" : "the name of several");
    if (unknown == rows_.size()) throw Error(text);
    check_.say(fmt::format("{} ({} such lines, which are not scored)", text, unknown));
    return classes;
  }

  std::vector<std::vector<int>>::const_iterator first_named() const {
    return std::find_if(named_.begin(), named_.end(),
                        [](const std::vector<int>& classes) { return !classes.empty(); });
  }

  const std::vector<LabelRow>& rows_;
  const std::string& table_;
  const LabelCheck& check_;
  ClassLookup lookup_;
  std::vector<std::vector<int>> named_;  // the classes that each row's name may be
  bool by_files_ = false;                // of the name of its file
};

}  // namespace

std::vector<int> classes_in_table(const std::vector<PictureFile>& files, const std::string& table,
                                  const LabelCheck& check) {
  const std::vector<LabelRow> rows = read_label_table(table);
  const RowFinder finder(rows, Numbering(rows, table, check).classes(), table);
  std::vector<int> classes;
  for (const PictureFile& file : files) classes.push_back(finder.class_of(file));
  const auto known = static_cast<std::size_t>(
      std::count_if(classes.begin(), classes.end(), [](int index) { return index >= 0; }));
  if (known == 0)
    throw Error(fmt::format("{}: has no label for any of the {} pictures, for example {}", table,
                            files.size(), files.front().below.generic_string()));
  if (known < classes.size())
    check.say(fmt::format("{}: has labels for {} of the {} pictures", table, known, files.size()));
  return classes;
}

}  // namespace quantring
