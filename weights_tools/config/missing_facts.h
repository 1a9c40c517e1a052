#pragma once
// What neither the files nor the flags say: collected, so that a person is asked once for all.

#include <string>
#include <vector>

#include "ops/base/error.h"

namespace quantring::weights {

// Each says what is missing and the flag: "the number of attention heads is not in the files: add
// --heads N (dim is 192)".
using Questions = std::vector<std::string>;

// One question is its text; several stand on a line each below the first.
class MissingFacts : public Error {
 public:
  explicit MissingFacts(Questions questions);
  const Questions& questions() const { return questions_; }

 private:
  Questions questions_;
};

}  // namespace quantring::weights
