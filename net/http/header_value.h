#pragma once
// Values of HTTP headers.

#include <string_view>

namespace quantring::net {

// Without the blanks around it.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

}  // namespace quantring::net
