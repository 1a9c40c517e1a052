#pragma once
// A folder with pictures and a table of labels, and what a source makes of them.

#include <string>
#include <vector>

#include "engine/image/image_source.h"
#include "ops/base/error.h"
#include "tests/support/byte_files.h"
#include "tests/support/temp_folder.h"

namespace quantring::test {

struct Labelled {
  std::vector<int> classes;       // of the pictures in their order
  std::vector<std::string> said;  // notes
  std::string error;
};

inline Labelled labelled(const std::string& spec, const std::string& labels,
                         const std::vector<std::string>& names, int classes) {
  Labelled result;
  SourceOptions options;
  options.labels_file = labels;
  options.decode = false;
  options.check = {names, classes,
                   [&result](const std::string& line) { result.said.push_back(line); }};
  try {
    const auto source = open_source({spec}, options);
    for (SourceItem item; source->next(item);) result.classes.push_back(item.label);
  } catch (const Error& error) {
    result.error = error.what();
  }
  return result;
}

inline std::string all_said(const Labelled& result) {
  std::string text;
  for (const std::string& line : result.said) text += line + "\n";
  return text;
}

inline void add_picture(const TempFolder& folder, const std::string& name) {
  folder.write(name, grey_png(1, 1, 10));
}

}  // namespace quantring::test
