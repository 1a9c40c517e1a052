#include "ops/cuda/matmul/tuning_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace quantring::cuda {
namespace {

constexpr std::string_view title = "QuantRing matrix products, fastest of those measured; 2";
constexpr std::size_t max_file_bytes = 4 << 20;
constexpr std::size_t max_word = 400;

// FNV-1a (Fowler, Noll, Vo).
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return value;
}

std::string hexadecimal(std::uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= max_word &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Removes from `text` what precedes the next separator, and the separator; returns the former.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

// shape engine candidate nanoseconds library others, and a hash of these, which detects truncated
// and damaged lines.
std::string format_line(const std::string& shape, const TuningChoice& choice) {
  std::string line = shape + ' ' + choice.engine + ' ' + choice.candidate + ' ' +
                     std::to_string(std::llround(choice.microseconds * 1000)) + ' ' +
                     std::to_string(choice.library) + ' ' +
                     (choice.others.empty() ? "-" : choice.others);
  return line + ' ' + hexadecimal(hash(line)) + '\n';
}

bool parse_line(std::string_view line, std::string& shape, TuningChoice& choice) {
  const std::size_t last = line.rfind(' ');
  if (last == std::string_view::npos ||
      line.substr(last + 1) != hexadecimal(hash(line.substr(0, last)))) {
    return false;
  }
  std::array<std::string_view, 7> words;
  for (std::string_view& word : words) {
    word = take(line, ' ');
    if (!is_word(word)) return false;
  }
  std::uint64_t nanoseconds = 0;
  if (!line.empty() || !parse_number(words[3], nanoseconds) ||
      !parse_number(words[4], choice.library)) {
    return false;
  }
  shape = words[0];
  choice.engine = words[1];
  choice.candidate = words[2];
  choice.microseconds = static_cast<double>(nanoseconds) / 1000;
  choice.others = words[5] == "-" ? "" : words[5];
  return true;
}

// Empty if it cannot be read, is too long or not a regular file (reading a pipe would block).
std::string read_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return {};
  std::string text;
  struct stat facts {};
  if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0 &&
      static_cast<std::size_t>(facts.st_size) <= max_file_bytes) {
    text.resize(static_cast<std::size_t>(facts.st_size));
    std::size_t size = 0;
    while (size < text.size()) {
      const ssize_t got = read(file, text.data() + size, text.size() - size);
      if (got <= 0) break;
      size += static_cast<std::size_t>(got);
    }
    text.resize(size);
  }
  close(file);
  return text;
}

// Under another name first, so that readers see the old or the new file, never a part.
void write_file(const std::string& path, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  std::string temporary = path + ".XXXXXX";
  const int file = mkstemp(temporary.data());
  if (file < 0) return;
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t put = write(file, text.data() + size, text.size() - size);
    if (put <= 0) break;
    size += static_cast<std::size_t>(put);
  }
  const bool whole = size == text.size();
  if (close(file) != 0 || !whole || rename(temporary.c_str(), path.c_str()) != 0) {
    unlink(temporary.c_str());
  }
}

}  // namespace

std::string format_choices(const TuningChoices& choices, std::string_view versions) {
  std::string text = std::string(title) + '\n' + std::string(versions) + '\n';
  for (const auto& [shape, choice] : choices) text += format_line(shape, choice);
  return text;
}

TuningChoices parse_choices(std::string_view text, std::string_view versions) {
  TuningChoices choices;
  if (take(text, '\n') != title || take(text, '\n') != versions) return choices;
  while (!text.empty()) {
    std::string shape;
    TuningChoice choice;
    if (parse_line(take(text, '\n'), shape, choice)) choices[shape] = choice;
  }
  return choices;
}

std::string choices_path(std::string_view device, std::string_view versions) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::string folder = variable("XDG_CACHE_HOME");
  // The XDG specification: a path that is not absolute counts as none.
  if (!folder.starts_with('/')) {
    folder = variable("HOME");
    if (!folder.starts_with('/')) return {};
    folder += "/.cache";
  }
  std::string name;
  for (const char c : device) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    name += letter ? c : capital ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  return folder + "/quantring/matmul-" + name.substr(0, 64) + '-' + hexadecimal(hash(versions)) +
         ".txt";
}

TuningCache::TuningCache(std::string path, std::string versions)
    : path_(std::move(path)), versions_(std::move(versions)) {
  if (!path_.empty()) choices_ = parse_choices(read_file(path_), versions_);
}

const TuningChoice* TuningCache::find(std::string_view shape) const {
  const auto found = choices_.find(shape);
  return found == choices_.end() ? nullptr : &found->second;
}

void TuningCache::add(const std::string& shape, const TuningChoice& choice) {
  choices_[shape] = choice;
  if (path_.empty()) return;
  // Merges with what other processes have added. What is known here stays: it may be in use.
  TuningChoices merged = parse_choices(read_file(path_), versions_);
  for (const auto& [known, chosen] : choices_) merged[known] = chosen;
  write_file(path_, format_choices(merged, versions_));
}

}  // namespace quantring::cuda
