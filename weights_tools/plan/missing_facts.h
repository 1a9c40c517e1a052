#pragma once
// Facts that neither files nor flags give. They are collected, so that one error lists all of them.

#include <string>
#include <vector>

#include "ops/base/error.h"

namespace quantring::weights {

// An OptionError: the remedy is to add flags. Its text is that of the fact, or a list of several.
class MissingFacts : public OptionError {
 public:
  // Each names the fact and the flag: "the number of attention heads is not in the files: add
  // --heads N (dim is 192)".
  explicit MissingFacts(std::vector<std::string> facts);
  const std::vector<std::string>& facts() const { return facts_; }

 private:
  std::vector<std::string> facts_;
};

}  // namespace quantring::weights
