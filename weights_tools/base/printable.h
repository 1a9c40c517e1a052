#pragma once
// Makes text from files safe for a terminal and for one-line messages.

#include <algorithm>
#include <string>
#include <string_view>

namespace quantring::weights {

inline bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Names with control characters are refused: they would garble the output.
inline bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_control);
}

// Replaces control characters by '?' and keeps UTF-8.
inline std::string printable(std::string text) {
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

// For arbitrary bytes: '?' for everything that is not printable ASCII, truncated after 100.
inline std::string ascii_excerpt(std::string_view bytes) {
  constexpr std::size_t max_bytes = 100;
  std::string text(bytes.substr(0, max_bytes));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return bytes.size() > max_bytes ? text + "..." : text;
}

}  // namespace quantring::weights
