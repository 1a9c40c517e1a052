#pragma once
// From the name of a class, as files and folders have it, to the class of a model.

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace quantring {

class ClassLookup {
 public:
  // names: of the model's classes, or empty. A model of 1000 classes without names is taken for
  // one of ImageNet's.
  ClassLookup(std::vector<std::string> names, int classes);

  int classes() const { return classes_; }
  bool named() const { return named_; }      // the model itself has names
  const std::string& name(int index) const;  // "" where the model has none

  // The classes with this name, usually one: the model's own name in any case, with _ or - for
  // blanks; a part of it, where it lists several ("tench, Tinca tinca"); another name or the
  // WordNet id ("n01440764") of a class of ImageNet.
  std::vector<int> find(const std::string& text) const;

  // By the last WordNet id in the path of a file: "val/n01440764_10026.JPEG".
  std::vector<int> find_in_path(const std::string& path) const;

  // As find(), for the name of a folder; also "n01440764_tench", "001.tench", "3_tench". Nothing
  // if several classes have the name.
  std::optional<int> find_folder(const std::string& folder) const;

 private:
  std::vector<int> find_own(const std::string& text) const;
  std::vector<int> find_imagenet(int imagenet_class) const;

  std::vector<std::string> names_;
  int classes_;
  bool named_;
  std::map<std::string, std::vector<int>> whole_, parts_;  // normalised name -> classes
};

// A number as spreadsheets write it: "7", "007", "7.0", "7,0". Nothing for anything else.
std::optional<int> class_number(const std::string& text);

}  // namespace quantring
