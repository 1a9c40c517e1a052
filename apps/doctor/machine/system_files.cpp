#include "apps/doctor/machine/system_files.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace quantring::apps {
namespace {

constexpr std::size_t max_bytes = 64 << 10;
constexpr const char* white_space = " \t\r\n";

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(white_space);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

}  // namespace

std::filesystem::path SystemFiles::under(const std::string& path) const {
  return root_ / std::filesystem::path(path).relative_path();
}

std::optional<std::string> SystemFiles::text(const std::string& path) const {
  std::ifstream file(under(path), std::ios::binary);
  if (!file) return std::nullopt;
  std::string bytes(max_bytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad()) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  bytes.erase(std::remove(bytes.begin(), bytes.end(), '\0'),
              bytes.end());  // device tree texts end with one
  bytes.resize(bytes.find_last_not_of(white_space) + 1);
  return bytes;
}

std::optional<std::int64_t> SystemFiles::number(const std::string& path) const {
  const auto bytes = text(path);
  return bytes ? whole_from(*bytes) : std::nullopt;
}

bool SystemFiles::exists(const std::string& path) const {
  std::error_code ignored;
  return std::filesystem::exists(under(path), ignored);
}

std::vector<std::string> SystemFiles::names(const std::string& folder) const {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(under(folder), error), end; !error && entry != end;
       entry.increment(error)) {
    found.push_back(entry->path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string SystemFiles::target(const std::string& path) const {
  std::error_code error;
  const auto found = std::filesystem::canonical(under(path), error);
  if (error) return path;
  const auto root = std::filesystem::canonical(root_, error);
  if (error) return path;
  return "/" + found.lexically_relative(root).string();
}

std::optional<std::int64_t> whole_from(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string value_of(const std::string& lines, const std::string& key) {
  for (const std::string& line : lines_of(lines)) {
    const auto colon = line.find(':');
    if (colon != std::string::npos && trimmed(line.substr(0, colon)) == key) {
      return trimmed(line.substr(colon + 1));
    }
  }
  return {};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace quantring::apps
