#pragma once
// A file that stays open and is read piece by piece into memory of this process. It is not mapped:
// when another program truncates or overwrites the file, a mapping kills the process or changes
// what it computes with.

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace quantring {

inline constexpr const char* changed_in_use = "the model file changed while it was in use";

class FileReader {
 public:
  // Throws Error naming the file: missing, empty, or not a regular file.
  explicit FileReader(const std::filesystem::path& path);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // when it was opened

  // `size` bytes from `offset` on, which must be within size(). Throws Error if the file is shorter
  // now, or cannot be read.
  std::vector<std::byte> read(std::uint64_t offset, std::uint64_t size) const;

  // Whether it was written to since it was opened, or another file has its name.
  bool changed() const;

  // "'PATH': the model file changed while it was in use; start again with the new one"
  std::string changed_text() const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  struct stat opened_ {};
};

}  // namespace quantring
