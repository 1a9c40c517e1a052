#pragma once
// ImageNet's 1000 classes (ILSVRC2012).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantring {

struct ImageNetClass {
  std::string_view synset;              // WordNet id: "n01440764"
  std::vector<std::string_view> names;  // "tench", then WordNet's other names: "Tinca tinca"
};

const std::vector<ImageNetClass>& imagenet_classes();  // class 0 first

std::vector<std::string> imagenet_class_names();  // one a class, all different

// The class with this WordNet id.
std::optional<int> imagenet_class_of(std::string_view synset);

}  // namespace quantring
