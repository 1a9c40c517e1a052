#pragma once
// A model file of a named shape with random weights, for as long as this object lives.

#include <string>

namespace quantring::apps {

// Without a name on the disk, so that nothing is left however this process ends. Its path works
// here and in forked children.
class RandomModelFile {
 public:
  explicit RandomModelFile(const std::string& shape);  // "vit_base"; Error as named_architecture()
  ~RandomModelFile();
  RandomModelFile(const RandomModelFile&) = delete;
  RandomModelFile& operator=(const RandomModelFile&) = delete;

  std::string path() const;

 private:
  int descriptor_ = -1;
};

}  // namespace quantring::apps
