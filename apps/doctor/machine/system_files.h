#pragma once
// Small files of the kernel and the system (/proc, /sys, /etc). The root folder can be replaced in
// tests.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quantring::apps {

class SystemFiles {
 public:
  explicit SystemFiles(std::filesystem::path root = "/") : root_(std::move(root)) {}

  // path: absolute, "/proc/meminfo". The first 64 KiB without zero bytes and trailing white space;
  // nothing if it cannot be read.
  std::optional<std::string> text(const std::string& path) const;
  std::optional<std::int64_t> number(
      const std::string& path) const;  // the whole text as an integer
  bool exists(const std::string& path) const;
  std::vector<std::string> names(
      const std::string& folder) const;  // sorted; empty if there is none
  // Absolute path with links resolved; the path itself if that fails.
  std::string target(const std::string& path) const;
  bool real() const { return root_ == "/"; }

 private:
  std::filesystem::path under(const std::string& path) const;

  std::filesystem::path root_;
};

// "1234" -> 1234; nothing for other text.
std::optional<std::int64_t> whole_from(const std::string& text);

// The value of the first line "key : value" with this key ("model name" of
// /proc/cpuinfo, "MemTotal" of /proc/meminfo); empty if there is none.
std::string value_of(const std::string& lines, const std::string& key);

std::vector<std::string> lines_of(const std::string& text);

}  // namespace quantring::apps
