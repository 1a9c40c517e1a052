#pragma once
// Checks of CLI11 options that are numbers without an upper limit: CLI11's own print the largest
// double in full, and let NaN pass. Header only, as program.h.

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <string>

namespace quantring {

// Of the whole text; NaN if it is none.
inline double number_of(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == 0 ? value : std::nan("");
}

inline std::string positive(const std::string& text) {
  return number_of(text) > 0 ? std::string() : fmt::format("'{}' is not a number above 0", text);
}

inline std::string not_negative(const std::string& text) {
  return number_of(text) >= 0 ? std::string()
                              : fmt::format("'{}' is neither 0 nor a number above 0", text);
}

}  // namespace quantring
