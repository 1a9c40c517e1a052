#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "engine/labels/class_lookup.h"
#include "engine/labels/true_classes.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using Folders = std::set<std::string>;
using Meaning = std::map<std::string, int>;  // folder -> class

// Which folder of a picture's path is that of its class.
enum class Level { first, last };

std::string folder_of(const PictureFile& file, Level level) {
  if (level == Level::last)
    return std::filesystem::absolute(file.path).lexically_normal().parent_path().filename();
  const bool nested = std::distance(file.below.begin(), file.below.end()) > 1;
  return nested && file.below.is_relative() ? file.below.begin()->string() : std::string();
}

Folders folders_of(const std::vector<PictureFile>& files, Level level) {
  Folders folders;
  for (const PictureFile& file : files) folders.insert(folder_of(file, level));
  folders.erase("");
  return folders;
}

Meaning by_name(const Folders& folders, const ClassLookup& lookup) {
  Meaning meaning;
  for (const std::string& folder : folders)
    if (const auto index = lookup.find_folder(folder)) meaning.emplace(folder, *index);
  return meaning;
}

// Numbers of classes, counted from 0 or 1; empty if the folders are not.
Meaning by_index(const Folders& folders, int classes, bool& from_one) {
  Meaning meaning;
  std::set<int> numbers;
  for (const std::string& folder : folders) {
    const auto number = class_number(folder);
    if (!number) return {};
    meaning.emplace(folder, *number);
    numbers.insert(*number);
  }
  if (numbers.empty() || *numbers.rbegin() > classes) return {};
  from_one = *numbers.rbegin() == classes;
  if (from_one && numbers.count(0) != 0) return {};
  for (auto& [folder, index] : meaning) index -= from_one;
  return meaning;
}

Meaning in_order(const Folders& folders) {
  Meaning meaning;
  for (const std::string& folder : folders)
    meaning.emplace(folder, static_cast<int>(meaning.size()));
  return meaning;
}

struct Reading {
  Level level;
  Meaning meaning;
  std::string text;  // what was taken for what
};

std::optional<Reading> read_folders(const std::vector<PictureFile>& files,
                                    const ClassLookup& lookup, bool must) {
  const Level levels[] = {Level::first, Level::last};
  // One folder alone may be named as a class by chance.
  const std::size_t fewest = must ? 1 : 2;
  for (const Level level : levels) {
    const Folders folders = folders_of(files, level);
    Meaning names = by_name(folders, lookup);
    if (names.size() < fewest || 2 * names.size() < folders.size()) continue;
    const bool assumed = !lookup.named();
    return Reading{level, std::move(names),
                   assumed ? "their names in ImageNet, since the model has no class names"
                           : "the model's classes by name"};
  }
  for (const Level level : levels) {
    const Folders folders = folders_of(files, level);
    bool from_one = false;
    Meaning numbers = by_index(folders, lookup.classes(), from_one);
    if (numbers.size() < fewest) continue;
    return Reading{level, std::move(numbers),
                   from_one ? "class indices counted from 1" : "class indices"};
  }
  for (const Level level : levels) {
    const Folders folders = folders_of(files, level);
    if (lookup.named() || folders.size() != static_cast<std::size_t>(lookup.classes())) continue;
    return Reading{level, in_order(folders), "the model's classes in alphabetical order"};
  }
  return std::nullopt;
}

}  // namespace

std::vector<int> classes_of_folders(const std::vector<PictureFile>& files, const LabelCheck& check,
                                    bool must) {
  std::vector<int> classes(files.size(), -1);
  const ClassLookup lookup(check.class_names, check.classes);
  const auto reading = read_folders(files, lookup, must);
  if (!reading) {
    if (!must) return classes;
    const Folders folders = folders_of(files, Level::last);
    throw Error(fmt::format(
        "--labels: the folders of the pictures, '{}' for example, are not named as the model's "
        "classes, WordNet ids or class indices",
        folders.empty() ? "" : *folders.begin()));
  }
  std::size_t known = 0;
  std::string unknown;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string folder = folder_of(files[i], reading->level);
    const auto found = reading->meaning.find(folder);
    if (found == reading->meaning.end()) {
      unknown = folder.empty() ? files[i].below.string() : folder;
      continue;
    }
    classes[i] = found->second;
    ++known;
  }
  check.say(fmt::format("true classes are taken from the names of {} folder{}: {}",
                        reading->meaning.size(), reading->meaning.size() == 1 ? "" : "s",
                        reading->text));
  if (known < files.size())
    check.say(
        fmt::format("{} of {} pictures are in no class folder ('{}' for example) and are not "
                    "scored",
                    files.size() - known, files.size(), unknown));
  return classes;
}

}  // namespace quantring
