#pragma once
// Checks of texts, mainly those of errors.

#include <functional>
#include <string>

#include "ops/base/error.h"

namespace quantring::test {

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline const std::string no_error = "no error";

// The text of the Error that the action throws, or no_error. Other exceptions pass.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return no_error;
}

}  // namespace quantring::test
