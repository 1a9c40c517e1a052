#pragma once
// Files of class names, and of the true class of each picture.

#include <map>
#include <string>
#include <vector>

namespace quantring {

// One name per line, line i for class i. White space at the end of a line and empty lines at the
// end of the file are ignored. Throws Error if the file is empty or cannot be read.
std::vector<std::string> read_class_names(const std::string& path);

// CSV with a header line that has the columns `file` and `class_index`; fields may be quoted ("" is
// a quote inside). Returns file -> class. Throws Error naming file and line.
std::map<std::string, int> read_label_csv(const std::string& path);

}  // namespace quantring
