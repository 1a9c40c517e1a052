#pragma once
// Looks at texts, those of errors first of all.

#include <functional>
#include <string>

#include "ops/base/error.h"

namespace quantring::test {

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What the action throws as an Error, or "no error".
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace quantring::test
