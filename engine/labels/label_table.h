#pragma once
// Tables of the true class of each picture, as spreadsheets and scripts save them.

#include <cstddef>
#include <string>
#include <vector>

namespace quantring {

struct LabelRow {
  std::string file;      // as in the table, without blanks around it
  int index = -1;        // -1: the row has none
  std::string name;      // of the class; empty: the row has none
  std::size_t line = 0;  // in the file, from 1
};

// Fields separated by commas, semicolons or tabs, quoted or not ("" is a quote inside). With a
// header line, in any case and order: a column `file` (or filename, path, image, ...), and
// class_index (label, class, target, ...), class_name (synset, ...) or both. Without one: the file,
// then the class. Empty lines and comments ("# ...") are ignored. Throws Error naming file and
// line.
std::vector<LabelRow> read_label_table(const std::string& path);

}  // namespace quantring
