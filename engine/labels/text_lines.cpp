#include "engine/labels/text_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "engine/model/open_file.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

constexpr std::size_t max_bytes = std::size_t{256} << 20;

unsigned byte_at(const std::string& bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

// high: which byte of a pair is the high one. Nothing if a surrogate has no partner.
std::optional<std::string> from_utf16(const std::string& bytes, std::size_t begin,
                                      std::size_t high) {
  if ((bytes.size() - begin) % 2 != 0) return std::nullopt;
  std::string text;
  std::uint32_t first = 0;  // of a pair of surrogates
  for (std::size_t i = begin; i < bytes.size(); i += 2) {
    const std::uint32_t unit = byte_at(bytes, i + high) << 8 | byte_at(bytes, i + 1 - high);
    const bool second = unit >= 0xdc00 && unit < 0xe000;
    if (second != (first != 0)) return std::nullopt;
    if (second) {
      append_utf8(text, 0x10000 + ((first - 0xd800) << 10) + (unit - 0xdc00));
      first = 0;
    } else if (unit >= 0xd800 && unit < 0xdc00) {
      first = unit;
    } else {
      append_utf8(text, unit);
    }
  }
  if (first != 0) return std::nullopt;
  return text;
}

// The length of the valid UTF-8 sequence that begins at i; 0 if none does.
std::size_t utf8_length(const std::string& bytes, std::size_t i) {
  const unsigned lead = byte_at(bytes, i);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || i + length > bytes.size()) return 0;
  for (std::size_t k = 1; k < length; ++k)
    if ((byte_at(bytes, i + k) & 0xc0) != 0x80) return 0;
  const unsigned next = byte_at(bytes, i + 1);
  const bool wrong = (lead == 0xe0 && next < 0xa0) || (lead == 0xed && next >= 0xa0) ||
                     (lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next >= 0x90);
  return wrong ? 0 : length;
}

bool is_utf8(const std::string& bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_length(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string from_windows_1252(const std::string& bytes) {
  static constexpr std::array<std::uint16_t, 32> upper = {
      0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
      0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned byte = byte_at(bytes, i);
    append_utf8(text, byte >= 0x80 && byte < 0xa0 ? upper[byte - 0x80] : byte);
  }
  return text;
}

std::string decoded(std::string bytes, const std::string& path) {
  const auto begins_with = [&bytes](const char* mark) { return bytes.rfind(mark, 0) == 0; };
  std::optional<std::string> text;
  if (begins_with("\xff\xfe")) {
    text = from_utf16(bytes, 2, 1);
  } else if (begins_with("\xfe\xff")) {
    text = from_utf16(bytes, 2, 0);
  } else if (bytes.size() >= 2 && (bytes[0] == 0) != (bytes[1] == 0)) {
    text = from_utf16(bytes, 0, bytes[0] == 0 ? 0 : 1);  // without a mark, begins with ASCII
  } else {
    if (begins_with("\xef\xbb\xbf")) bytes.erase(0, 3);
    text = is_utf8(bytes) ? std::move(bytes) : from_windows_1252(bytes);
  }
  const auto binary = [](char letter) {
    return static_cast<unsigned char>(letter) < 0x20 && letter != '\t' && letter != '\n' &&
           letter != '\r' && letter != '\f' && letter != '\x1a';  // DOS ends a text with the last
  };
  if (!text || std::any_of(text->begin(), text->end(), binary))
    throw Error(fmt::format("'{}' is not a text file", path));
  return std::move(*text);
}

}  // namespace

std::vector<std::string> read_text_lines(const std::string& path) {
  std::ifstream file = open_file(path);
  std::string bytes(std::size_t{1} << 16, '\0');
  std::string all;
  while (file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())) || file.gcount() > 0) {
    all.append(bytes, 0, static_cast<std::size_t>(file.gcount()));
    if (all.size() > max_bytes)
      throw Error(fmt::format("'{}' has more than 256 MiB: not a file of labels", path));
  }
  const std::string text = decoded(std::move(all), path);
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  const auto blank = [](const std::string& line) {
    return line.find_first_not_of(" \t\f\x1a") == std::string::npos;
  };
  while (!lines.empty() && blank(lines.back())) lines.pop_back();
  if (lines.empty()) throw Error(fmt::format("'{}' is empty", path));
  return lines;
}

std::size_t blank_length(const std::string& text, std::size_t at) {
  if (text[at] == ' ' || text[at] == '\t') return 1;
  for (const std::string_view blank : {"\xC2\xA0", "\xE2\x80\xAF", "\xEF\xBB\xBF"})
    if (text.compare(at, blank.size(), blank) == 0) return blank.size();
  return 0;
}

std::string trimmed(const std::string& text) {
  std::size_t begin = 0, end = 0;  // of what is not blank
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t blank = blank_length(text, at);
    at += std::max<std::size_t>(blank, 1);
    if (blank == 0) end = at;
    if (end == 0) begin = at;
  }
  return text.substr(begin, end > begin ? end - begin : 0);
}

}  // namespace quantring
