#pragma once
// Files of class names.

#include <string>
#include <vector>

namespace quantring {

// One name per line, line i for class i; blanks at both ends of a line and empty lines at the end
// of the file are ignored. Where every line begins with its number (from 0 or 1) or with a WordNet
// id, these are no part of the names. Or JSON: ["tench", ...], {"0": "tench", ...} or
// {"0": ["n01440764", "tench"], ...}. path "imagenet", if there is no such file: ImageNet's 1000
// names. Throws Error if the file is empty, not text or cannot be read.
std::vector<std::string> read_class_names(const std::string& path);

}  // namespace quantring
