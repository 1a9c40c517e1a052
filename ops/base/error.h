#pragma once
// The exception types of the project. They live in the lowest room so that every room can throw
// them.

#include <stdexcept>
#include <string>

namespace quantring {

// An error that the user can cause or must know of: a bad file, a lost peer. The text is one line
// that names the file, peer or flag and the remedy, or such a line and a list below it. Programs
// print it after "error: " and exit with status 1 (ops/base/program.h).
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what) : std::runtime_error(what) {}
};

// A wrong command line: an invalid value of a flag, a flag without meaning here, flags that exclude
// each other. Programs exit with status 2.
class OptionError : public Error {
 public:
  using Error::Error;
};

}  // namespace quantring
