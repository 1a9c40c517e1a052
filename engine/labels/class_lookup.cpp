#include "engine/labels/class_lookup.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <string_view>

#include "engine/labels/imagenet_classes.h"
#include "engine/labels/text_lines.h"

namespace quantring {
namespace {

bool is_digit(char letter) {
  return std::isdigit(static_cast<unsigned char>(letter)) != 0;
}

// Lower case, blanks for _ and -, one blank for several.
std::string normalised(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char letter = text[at];
    const std::size_t length = letter == '_' || letter == '-' ? 1 : blank_length(text, at);
    at += std::max<std::size_t>(length, 1);
    if (length > 0 && (out.empty() || out.back() == ' ')) continue;
    out += length > 0 ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find(',', begin), name.size());
    parts.push_back(trimmed(name.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

void add(std::map<std::string, std::vector<int>>& names, const std::string& name, int index) {
  if (name.empty()) return;
  auto& classes = names[name];
  if (classes.empty() || classes.back() != index) classes.push_back(index);
}

// Name -> classes of ImageNet.
const std::map<std::string, std::vector<int>>& imagenet_names() {
  static const auto names = [] {
    std::map<std::string, std::vector<int>> all;
    const auto& classes = imagenet_classes();
    for (std::size_t i = 0; i < classes.size(); ++i)
      for (const std::string_view name : classes[i].names)
        add(all, normalised(std::string(name)), static_cast<int>(i));
    return all;
  }();
  return names;
}

bool is_synset(const std::string& text, std::size_t at) {
  return at + 9 <= text.size() && text[at] == 'n' &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                     text.begin() + static_cast<std::ptrdiff_t>(at) + 9, is_digit);
}

// The WordNet id at the beginning of a name, alone or before something else: "n01440764_tench".
std::string synset_in(const std::string& text) {
  if (!is_synset(text, 0)) return {};
  return text.size() == 9 || std::isalnum(static_cast<unsigned char>(text[9])) == 0
             ? text.substr(0, 9)
             : std::string();
}

}  // namespace

ClassLookup::ClassLookup(std::vector<std::string> names, int classes)
    : names_(std::move(names)), classes_(classes), named_(!names_.empty()) {
  if (!named_ && static_cast<std::size_t>(classes_) == imagenet_classes().size())
    names_ = imagenet_class_names();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const int index = static_cast<int>(i);
    add(whole_, normalised(names_[i]), index);
    for (const std::string& part : parts_of(names_[i])) add(parts_, normalised(part), index);
  }
}

const std::string& ClassLookup::name(int index) const {
  static const std::string none;
  const auto at = static_cast<std::size_t>(index);
  return index >= 0 && at < names_.size() ? names_[at] : none;
}

std::vector<int> ClassLookup::find_own(const std::string& text) const {
  for (const auto* const names : {&whole_, &parts_}) {
    const auto found = names->find(text);
    if (found != names->end()) return found->second;
  }
  return {};
}

std::vector<int> ClassLookup::find_imagenet(int imagenet_class) const {
  const ImageNetClass& entry = imagenet_classes()[static_cast<std::size_t>(imagenet_class)];
  // Labels of some models are the ids.
  std::vector<int> found = find_own(std::string(entry.synset));
  for (std::size_t i = 0; found.empty() && i < entry.names.size(); ++i)
    found = find_own(normalised(std::string(entry.names[i])));
  // "crane" is a bird and a machine: in a model of all of ImageNet the number decides.
  if (std::find(found.begin(), found.end(), imagenet_class) != found.end()) return {imagenet_class};
  return found;
}

std::vector<int> ClassLookup::find(const std::string& text) const {
  const std::string wanted = normalised(text);
  if (wanted.empty()) return {};
  std::vector<int> found = find_own(wanted);
  if (!found.empty()) return found;
  const std::string synset = synset_in(text);
  if (const auto index = imagenet_class_of(synset.empty() ? text : synset))
    return find_imagenet(*index);
  for (const std::string& part : parts_of(text)) {
    const std::string name = normalised(part);
    if (found = find_own(name); !found.empty()) return found;
    const auto others = imagenet_names().find(name);
    if (others == imagenet_names().end()) continue;
    for (const int index : others->second)
      for (const int own : find_imagenet(index))
        if (std::find(found.begin(), found.end(), own) == found.end()) found.push_back(own);
    if (!found.empty()) return found;
  }
  return {};
}

std::vector<int> ClassLookup::find_in_path(const std::string& path) const {
  for (std::size_t at = path.size(); at-- > 0;) {
    const auto alone = [&](std::size_t i) {
      return i >= path.size() || std::isalnum(static_cast<unsigned char>(path[i])) == 0;
    };
    if (!is_synset(path, at) || !alone(at + 9) || (at > 0 && !alone(at - 1))) continue;
    const auto index = imagenet_class_of(std::string_view(path).substr(at, 9));
    if (index) return find_imagenet(*index);
  }
  return {};
}

std::optional<int> ClassLookup::find_folder(const std::string& folder) const {
  std::vector<int> found = find(folder);
  if (found.empty()) {
    const auto digits = std::find_if_not(folder.begin(), folder.end(), is_digit);
    const std::size_t at = static_cast<std::size_t>(digits - folder.begin());
    const std::size_t name = folder.find_first_not_of("_. -", at);
    if (at > 0 && name != std::string::npos && name > at) found = find(folder.substr(name));
  }
  if (found.size() != 1) return std::nullopt;
  return found.front();
}

std::optional<int> class_number(const std::string& text) {
  const char* end = text.data() + text.size();
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || value < 0 || text[0] == '-') return std::nullopt;
  const bool fraction = stop != end && (*stop == '.' || *stop == ',');
  if (!std::all_of(fraction ? stop + 1 : stop, end, [](char letter) { return letter == '0'; }) ||
      (!fraction && stop != end))
    return std::nullopt;
  return value;
}

}  // namespace quantring
