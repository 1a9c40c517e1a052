#pragma once
// Small files of the kernel and the system (/proc, /sys, /etc), read under a folder that stands for
// the root of the system, so that tests can bring their own.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quantring::apps {

class SystemFiles {
 public:
  explicit SystemFiles(std::filesystem::path root = "/") : root_(std::move(root)) {}

  // path: as on the system, "/proc/meminfo". The first 64 KiB without what is white at the end and
  // without zero bytes; nothing when it cannot be read.
  std::optional<std::string> text(const std::string& path) const;
  std::optional<std::int64_t> number(const std::string& path) const;  // the text as a whole number
  bool exists(const std::string& path) const;
  std::vector<std::string> names(const std::string& folder) const;  // in it, sorted; empty if none
  // What a link points to in the end, as on the system; the path itself when it is no link.
  std::string target(const std::string& path) const;
  bool real() const { return root_ == "/"; }

 private:
  std::filesystem::path under(const std::string& path) const;

  std::filesystem::path root_;
};

// "1234" -> 1234; nothing for anything else.
std::optional<std::int64_t> whole_from(const std::string& text);

// The value behind "key : value" of the first line that begins with the key ("model name" of
// /proc/cpuinfo, "MemTotal" of /proc/meminfo); empty if there is none.
std::string value_of(const std::string& lines, const std::string& key);

std::vector<std::string> lines_of(const std::string& text);

}  // namespace quantring::apps
