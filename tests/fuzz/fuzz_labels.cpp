// Files of class names and tables of true classes. Input: the mode, then
// 0: a file of class names;
// 1: a table, also matched to pictures and to a model's classes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/labels/class_names.h"
#include "engine/labels/label_table.h"
#include "engine/labels/true_classes.h"
#include "ops/base/error.h"
#include "tests/support/memory_file.h"

using namespace quantring;

namespace {

void check_table(const std::string& path) {
  for (const LabelRow& row : read_label_table(path))
    if (row.file.empty() || row.index < -1) std::abort();
  const std::vector<PictureFile> files = {{"/x/a.png", "a.png"}, {"/x/sub/b.png", "sub/b.png"}};
  const LabelCheck check{{"cat", "dog, hound", "black swan"}, 3, [](const std::string&) {}};
  for (const int index : classes_in_table(files, path, check))
    if (index < -1 || index >= check.classes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string path = test::memory_file(data + 1, size - 1);
  try {
    if (data[0] % 2 == 0) {
      if (read_class_names(path).empty()) std::abort();
    } else {
      check_table(path);
    }
  } catch (const Error& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
