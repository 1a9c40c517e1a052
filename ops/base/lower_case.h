#pragma once
// Text without the difference of upper and lower case.

#include <algorithm>
#include <cctype>
#include <string>

namespace quantring {

// ASCII letters only, as long as the program has not set a locale.
inline std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace quantring
