#pragma once
// The true class of each picture: from a table of labels or from the names of the folders.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace quantring {

struct PictureFile {
  std::filesystem::path path;
  std::filesystem::path below;  // relative to the folder that was given, else the path itself
};

// What the labels are checked against.
struct LabelCheck {
  std::vector<std::string> class_names;  // of the model; may be empty
  int classes = 0;                       // of the model; 0: not known, any index is taken
  std::function<void(const std::string& line)> say = [](const std::string&) {};
};

// One class a picture, -1 if not known.

// table: a file for read_label_table. A picture is found by its path or the end of it: absolute
// paths, ./ and backslashes are understood. Where the table has names that the model knows, they
// are compared with the indices: those counted from 1 are corrected, those of another numbering
// ignored, both said. Throws Error if no picture has a label, or the labels do not fit the model.
std::vector<int> classes_in_table(const std::vector<PictureFile>& files, const std::string& table,
                                  const LabelCheck& check);

// A folder of class folders: named as a class, a WordNet id or an index. Says what was taken for
// what. Where these do not explain the folders, and there are as many as classes in a model without
// names: in the order of their names, as torchvision's ImageFolder. must: throws Error if this is
// no such folder; else nothing is known then.
std::vector<int> classes_of_folders(const std::vector<PictureFile>& files, const LabelCheck& check,
                                    bool must);

}  // namespace quantring
