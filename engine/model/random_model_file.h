#pragma once
// A temporary model file of a named shape with random weights.

#include <string>

namespace quantring {

// The file is unlinked, so that nothing is left however this process ends. Its path is valid in
// this process and its forked children, for the lifetime of this object.
class RandomModelFile {
 public:
  explicit RandomModelFile(const std::string& shape);  // "vit_base"; throws as named_architecture()
  ~RandomModelFile();
  RandomModelFile(const RandomModelFile&) = delete;
  RandomModelFile& operator=(const RandomModelFile&) = delete;

  std::string path() const;

 private:
  int descriptor_ = -1;
};

}  // namespace quantring
