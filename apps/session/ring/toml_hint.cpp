#include "apps/session/ring/toml_hint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace quantring {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto begin = std::min(text.size(), text.find_first_not_of(blank));
  return text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
}

bool is_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-';
  });
}

// Quotes as word processors and web pages write them.
bool has_curly_quotes(std::string_view text) {
  for (const char* quote : {"\u201c", "\u201d", "\u201e", "\u2018", "\u2019"}) {
    if (text.find(quote) != std::string_view::npos) return true;
  }
  return false;
}

std::string in_quotes(std::string_view key, std::string_view value) {
  const char quote = value.find('\\') == std::string_view::npos ? '"' : '\'';
  return fmt::format("{} = {}{}{}", key, quote, value, quote);
}

std::string hint_for_value(std::string_view key, std::string_view value) {
  if (has_curly_quotes(value)) return fmt::format("write straight quotes: {} = \"...\"", key);
  if (value.empty() || value.front() == '#')
    return fmt::format("the value is missing: {} = \"...\"", key);
  const char first = value.front();
  if (first != '"' && first != '\'') {
    // A list, an inline table, or text that lacks its quotes, perhaps only the first of them.
    if (first == '[' || first == '{') return {};
    value = trimmed(value.substr(0, value.find(" #")));
    if (value.find_first_not_of("0123456789,") == std::string_view::npos) {
      std::string number(value);
      std::replace(number.begin(), number.end(), ',', '.');
      return fmt::format("write a decimal point: {} = {}", key, number);
    }
    if (value.back() == '"' || value.back() == '\'') value.remove_suffix(1);
    return "write text in quotes: " + in_quotes(key, value);
  }
  const auto end = value.find(first, 1);
  if (end == std::string_view::npos) {
    value = trimmed(value.substr(1, value.find(" #") - 1));
    return "the closing quote is missing: " + in_quotes(key, value);
  }
  value = value.substr(1, end - 1);
  if (first == '"' && value.find('\\') != std::string_view::npos) {
    return "write text with backslashes in single quotes: " + in_quotes(key, value);
  }
  return {};
}

}  // namespace

std::string toml_hint(const std::string& line) {
  const std::string_view text = trimmed(line);
  const auto sign = text.find_first_of("=:");
  if (sign == std::string_view::npos) return {};
  const std::string_view key = trimmed(text.substr(0, sign)),
                         value = trimmed(text.substr(sign + 1));
  if (!is_key(key)) return {};
  if (text[sign] == '=') return hint_for_value(key, value);
  return fmt::format("write '=' and not ':' behind '{}'", key);
}

}  // namespace quantring
