#include "engine/labels/imagenet_classes.h"

#include <algorithm>
#include <map>

namespace quantring {
namespace {

constexpr std::string_view table =
#include "engine/labels/imagenet_classes.inc"
    ;

std::vector<ImageNetClass> read_table() {
  std::vector<ImageNetClass> classes;
  for (std::string_view rest = table; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    ImageNetClass entry{line.substr(0, 9), {}};
    line.remove_prefix(10);
    while (true) {
      const std::size_t bar = line.find('|');
      entry.names.push_back(line.substr(0, bar));
      if (bar == std::string_view::npos) break;
      line.remove_prefix(bar + 1);
    }
    classes.push_back(std::move(entry));
  }
  return classes;
}

}  // namespace

const std::vector<ImageNetClass>& imagenet_classes() {
  static const std::vector<ImageNetClass> classes = read_table();
  return classes;
}

std::vector<std::string> imagenet_class_names() {
  std::vector<std::string> names;
  for (const ImageNetClass& entry : imagenet_classes()) names.emplace_back(entry.names.front());
  return names;
}

std::optional<int> imagenet_class_of(std::string_view synset) {
  static const auto index = [] {
    std::map<std::string_view, int> of;
    for (const ImageNetClass& entry : imagenet_classes())
      of.emplace(entry.synset, static_cast<int>(of.size()));
    return of;
  }();
  const auto found = index.find(synset);
  if (found == index.end()) return std::nullopt;
  return found->second;
}

}  // namespace quantring
