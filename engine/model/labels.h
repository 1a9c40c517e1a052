#pragma once
// Names of classes, and which class each file belongs to.

#include <map>
#include <string>
#include <vector>

namespace quantring {

// One name a line, line i naming class i; blanks at the end of a line are cut, empty lines at the
// end of the file ignored. Throws Error if there is none or the file cannot be read.
std::vector<std::string> read_class_names(const std::string& path);

// CSV whose first line names its columns, among them `file` and `class_index`; fields may be quoted
// ("" inside stands for one quote). Gives file -> class. Throws Error naming file and line.
std::map<std::string, int> read_label_csv(const std::string& path);

}  // namespace quantring
