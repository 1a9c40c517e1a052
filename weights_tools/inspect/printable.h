#pragma once
// Text out of files, made fit for a terminal and for messages of one line.

#include <algorithm>
#include <string>
#include <string_view>

namespace quantring::weights {

inline bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Names with control characters are refused: they would garble every line that has them.
inline bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_control);
}

// '?' for control characters. UTF-8 stays.
inline std::string printable(std::string text) {
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

// For bytes that may be no text at all: '?' for all that is not printable ASCII, cut after 100.
inline std::string ascii_excerpt(std::string_view bytes) {
  constexpr std::size_t longest = 100;
  std::string text(bytes.substr(0, longest));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return bytes.size() > longest ? text + "..." : text;
}

}  // namespace quantring::weights
