#pragma once
// The one exception type of the project. Lives in the lowest room so that every room can throw it.

#include <stdexcept>
#include <string>

namespace quantring {

// Something a person can cause or must know of: a bad file, a bad flag, a lost peer. The text is
// one line that names the culprit and says what to do, or such a line and a list below it; programs
// print it after "error: " and exit 1.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace quantring
